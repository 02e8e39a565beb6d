"""Lists, DataFrames and Series as data: one conversion for data sets, tuples, batches and predictions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session, layers, losses
from cutedl_xp.datasets._conversion import as_array

X = [[0.5, 1.0], [1.5, 0.0], [2.5, 1.0], [3.5, 0.0]]
Y = [0, 1, 1, 0]


@pytest.fixture
def pandas() -> Any:
    return pytest.importorskip("pandas")


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    layer = layers.Dense(2, input_dim=2, activation="linear")
    return make_session(layer, loss=losses.SparseCategoricalCrossentropy())


def frames(pandas: Any) -> dict[str, Any]:
    """Return frames of the same samples as `X`."""
    plain = pandas.DataFrame({"width": [0.5, 1.5, 2.5, 3.5], "tall": [True, False, True, False]})
    return {
        "truth values": plain,
        "nullable": plain.convert_dtypes(),
        "objects": plain.astype(object),
        "same names": plain.set_axis(["width", "width"], axis=1),
        "floats": plain.astype(float),
        "dummies": pandas.get_dummies(plain.assign(tall=["yes", "no", "yes", "no"])).drop(columns="tall_no"),
    }


def assert_taken(session: Session, x: Any, y: Any) -> None:
    """Check that samples and labels equal those of the lists in every function that takes data."""
    plain = np.asarray(X), np.asarray(Y)
    data = Dataset(x, y, batch_size=2)
    np.testing.assert_array_equal(data.data, plain[0])
    np.testing.assert_array_equal(data.labels, plain[1])
    expected, outputs = session.evaluate(plain), session.backend.to_numpy(session.model.predict(plain[0]))
    for given in (data, (x, y), Dataset.from_batches([(x, y)], steps_per_epoch=1)):
        assert session.evaluate(given) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(session.backend.to_numpy(session.model.predict(x)), outputs)
    np.testing.assert_array_equal(session.backend.to_numpy(session.predict_classes(x)), outputs.argmax(axis=1))
    assert len(session.fit((x, y, [1.0, 2.0, 1.0, 0.0]), 1, val_data=(x, y)).val_loss) == 1


def test_lists(session: Session) -> None:
    assert_taken(session, X, Y)


@pytest.mark.parametrize("kind", ["truth values", "nullable", "objects", "same names", "floats", "dummies"])
def test_frames_and_series(session: Session, pandas: Any, kind: str) -> None:
    labels = pandas.Series(Y, name="class")
    assert_taken(session, frames(pandas)[kind], labels.convert_dtypes() if kind == "nullable" else labels)


def test_arrays_stay_unchanged(backend: Backend) -> None:
    array = backend.asarray(np.asarray(X))
    data = Dataset(array, array)
    assert data.data is array
    assert data.labels is array


def test_a_frame_of_one_dtype_is_not_copied(pandas: Any) -> None:
    frame = pandas.DataFrame(np.asarray(X))
    assert np.shares_memory(as_array("data", frame), frame.to_numpy())


def test_missing_numbers_become_nan(pandas: Any) -> None:
    frame = pandas.DataFrame({"a": [1, None, 3], "b": [True, None, False], "c": [0.5, 1.0, None]}).convert_dtypes()
    assert [str(dtype) for dtype in frame.dtypes] == ["Int64", "boolean", "Float64"]
    expected = [[1.0, 1.0, 0.5], [np.nan, np.nan, 1.0], [3.0, 0.0, np.nan]]
    np.testing.assert_array_equal(as_array("data", frame), expected)
    np.testing.assert_array_equal(as_array("labels", frame["a"]), [1.0, np.nan, 3.0])


def test_integers_stay_integers(pandas: Any) -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": [True, False]})
    assert as_array("data", frame).dtype == as_array("labels", frame["a"].convert_dtypes()).dtype == "int64"
    assert as_array("labels", frame["a"].astype("category")).dtype == "int64"


def test_columns_of_texts_are_named(session: Session, pandas: Any) -> None:
    frame = frames(pandas)["truth values"].assign(colour=["red", "blue", "red", "red"])
    named = "must hold numbers; column 'colour' has texts: encode it, such as by pandas.get_dummies$"
    for given in (frame, frame.convert_dtypes(), frame.astype({"colour": "category"}), frame.astype(object)):
        for call in (
            lambda x: Dataset(x, Y),
            lambda x: session.fit((x, Y), 1),
            lambda x: session.evaluate((x, Y)),
            session.model.predict,
            lambda x: session.evaluate(Dataset.from_batches([(x, Y)], 1)),
        ):
            with pytest.raises(TypeError, match=named):
                call(given)
    with pytest.raises(TypeError, match=r"^`data` must hold numbers; `data` has texts: encode it, such as by pandas"):
        Dataset(frame["colour"], Y)


def test_texts_that_look_like_numbers_are_texts(pandas: Any) -> None:
    with pytest.raises(TypeError, match="column 'a' has texts"):
        Dataset(pandas.DataFrame({"a": ["1", "2"], "b": [1.0, 2.0]}, dtype=object), [0, 1])


def test_other_columns_are_named(pandas: Any) -> None:
    days = pandas.DataFrame({"day": pandas.date_range("2026-01-01", periods=2), "a": [1.0, 2.0]})
    with pytest.raises(TypeError, match=r"^`data` must hold numbers; column 'day' has the dtype datetime64\[.*\]$"):
        Dataset(days, [0, 1])
    with pytest.raises(TypeError, match="column 'span' has the dtype period"):
        Dataset(days.assign(span=days["day"].dt.to_period("D"))[["a", "span"]], [0, 1])


@pytest.mark.parametrize("kind", ["list", "array", "Series", "category"])
def test_labels_that_are_texts_are_to_be_numbered(request: pytest.FixtureRequest, session: Session, kind: str) -> None:
    labels: Any = ["red", "blue", "red", "red"]
    if kind == "array":
        labels = np.asarray(labels)
    elif kind != "list":
        labels = request.getfixturevalue("pandas").Series(labels, dtype="category" if kind == "category" else None)
    for call in (
        lambda: Dataset(X, labels),
        lambda: session.fit((X, labels), 1),
        lambda: session.evaluate(Dataset.from_batches([(X, labels)], 1)),
    ):
        with pytest.raises(TypeError, match=r"number the classes with numpy\.unique\(y, return_inverse=True\)$"):
            call()


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ([[1.0], [1.0, 2.0]], ValueError, "must be numbers in nested sequences of equal lengths; got"),
        ("red", TypeError, "must be an array of shape (n, ...); got str"),
        ((each for each in X), TypeError, "must be an array of shape (n, ...); got generator"),
        ({"a": [1.0]}, TypeError, "must be an array of shape (n, ...); got dict"),
        ([1.0, None], TypeError, "must be an array of real numbers; got a numpy array of dtype object"),
    ],
)
def test_other_objects_are_refused_in_one_sentence(given: Any, kind: type[Exception], message: str) -> None:
    model = Model([layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    for argument, call in {
        "data": lambda: Dataset(given, Y),
        "labels": lambda: Dataset(Y, given),
        "x": lambda: model.predict(given),
    }.items():
        with pytest.raises(kind) as caught:
            call()
        assert f"`{argument}` {message}" in str(caught.value)
        assert "\n" not in str(caught.value)
