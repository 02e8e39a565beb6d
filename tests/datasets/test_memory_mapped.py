"""Memory-mapped arrays, which are read batch by batch."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.metrics import F1, accuracy

MakeSession = Callable[..., Session]
RANDOM = np.random.default_rng(2)
X = RANDOM.integers(0, 256, (150, 2)).astype("uint8")
CLASSES = np.where(X[:, 0] > 127, 1, np.where(X[:, 1] > 127, 2, 0))


@pytest.fixture
def mapped(tmp_path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that returns an array as a memory-mapped one."""

    def make(array: np.ndarray) -> np.ndarray:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode="r")

    return make


def test_a_copy_in_memory_has_the_class_and_is_not_memory_mapped(mapped: Any) -> None:
    for copy in (mapped(X).astype("float32"), mapped(X).copy()):
        assert isinstance(copy, np.memmap)
        data = Dataset(copy, CLASSES)
        assert data.in_memory
        assert [part.size for part in data.split(0.5)] == [75, 75]


@pytest.mark.parametrize("kind", ["uint8", "float32", ">f4", "fortran"])
@pytest.mark.parametrize("labels_too", [False, True])
@pytest.mark.usefixtures("_comparable_to_the_bit")
def test_a_training_is_that_in_memory(
    make_session: MakeSession, weights_of: Any, mapped: Any, kind: str, labels_too: bool
) -> None:
    x = np.asfortranarray(X) if kind == "fortran" else X.astype(kind)
    labels = mapped(CLASSES) if labels_too else CLASSES
    whole, data = Dataset(x, CLASSES, 16, scale=1 / 255), Dataset(mapped(x), labels, 16, scale=1 / 255)
    assert whole.in_memory
    assert not data.in_memory
    first, second = make_session(metrics=[accuracy, F1()]), make_session(metrics=[accuracy, F1()])
    options: dict[str, Any] = {"class_weight": {1: 2.0}, "train_metrics": True}
    expected = first.fit(whole, 2, val_data=whole, compiled=False, **options)
    history = second.fit(data, 2, val_data=data, **options)
    for name in expected.recorded:
        assert history.series(name) == expected.series(name)
    for name, value in weights_of(first).items():
        np.testing.assert_array_equal(weights_of(second)[name], value)
    assert second.evaluate(data) == pytest.approx(first.evaluate(whole), rel=1e-6)


def test_batches_in_the_order_of_the_file(backend: Backend, to_numpy: Any, mapped: Any) -> None:
    data = Dataset(mapped(X), mapped(CLASSES), 64, shuffle=False)
    batches = list(data.batches(0, backend, "float32", start=1))
    assert all(backend.owns(array) and not isinstance(array, np.memmap) for batch in batches for array in batch)
    np.testing.assert_array_equal(np.concatenate([to_numpy(x) for x, _ in batches]), X[64:])
    np.testing.assert_array_equal(np.concatenate([to_numpy(y) for _, y in batches]), CLASSES[64:])


def test_the_reason_why_they_are_not_compiled(backend: Backend, make_session: MakeSession, mapped: Any) -> None:
    session = make_session()
    session.fit((mapped(X.astype("float32") / 255), CLASSES), 1)
    assert not session.compiled
    if backend.why_not_compiled() is None:
        assert session.compiled.reason == "the training data are read batch by batch"


@pytest.mark.parametrize("as_data", [False, True])
def test_predictions(make_session: MakeSession, to_numpy: Any, mapped: Any, as_data: bool) -> None:
    model = make_session().model
    x = mapped(X)
    model.scale = 1 / 255
    outputs = to_numpy(model.predict(Dataset(x, CLASSES, scale=1 / 255) if as_data else x, batch_size=40))
    np.testing.assert_allclose(outputs, to_numpy(model.predict(X)), rtol=1e-5, atol=1e-6)


def test_an_interrupted_training_is_resumed(make_session: MakeSession, mapped: Any) -> None:
    data = Dataset(mapped(X), mapped(CLASSES), 16, scale=1 / 255)
    whole, session = make_session().fit(data, 2, val_data=data), make_session()

    def interrupt(event: Any) -> None:
        if event.step == 13:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.fit(data, 2, val_data=data, listeners=[FitListener("step_end", callback=interrupt)])
    other = mapped(X + np.uint8(1))
    with pytest.raises(ValueError, match="`train` must be the data set of the interrupted training"):
        session.resume(Dataset(other, CLASSES, 16, scale=1 / 255), val_data=data)
    assert session.resume(data, val_data=data).val_loss == whole.val_loss


def test_labels_are_checked_before_the_training(make_session: MakeSession, mapped: Any) -> None:
    wrong = CLASSES.copy()
    wrong[-1] = 3
    session = make_session()
    with pytest.raises(ValueError, match="got labels from 0 to 3"):
        session.fit((mapped(X), mapped(wrong)), 1)
    assert session.step == 0


def test_a_row_that_is_not_finite_is_named(make_session: MakeSession, mapped: Any) -> None:
    x = X.astype("float32")
    x[140, 1] = np.nan
    with pytest.warns(RuntimeWarning, match="`train` has the value nan in row 140 of its samples"):
        make_session().fit((mapped(x), CLASSES), 1)


def test_they_are_sliced_and_not_split(mapped: Any) -> None:
    data = Dataset(mapped(X), CLASSES)
    with pytest.raises(TypeError, match="memory-mapped arrays cannot be split"):
        data.split(0.8)
    assert not Dataset(data.data[:100], CLASSES[:100]).in_memory
    assert Dataset(np.array(data.data), CLASSES).in_memory


@pytest.mark.parametrize(("shuffle", "order"), [(False, "C"), (True, "F")])
def test_the_whole_array_is_never_copied(
    backend: Backend, make_session: MakeSession, tmp_path: Path, monkeypatch: Any, shuffle: bool, order: Any
) -> None:
    rows = 20_000
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "float32", (rows, 400), order == "F")  # 32 MB
    y = np.lib.format.open_memmap(tmp_path / "y.npy", "w+", "float32", (rows, 10))
    largest, from_numpy = 0, type(backend)._from_numpy

    def measured(own: Backend, array: np.ndarray) -> Any:
        nonlocal largest
        largest = max(largest, array.nbytes)
        return from_numpy(own, array)

    monkeypatch.setattr(type(backend), "_from_numpy", measured)
    session = make_session(Dense(10, 400, "linear"), loss=Mse())
    data = Dataset(x, y, batch_size=500, shuffle=shuffle)
    tracemalloc.start()
    try:
        session.fit(data, 1)
        session.model.predict(x, 1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert largest <= 4 << 20  # the size of one transfer to the device
    assert peak < x.nbytes / 2  # memory of NumPy
