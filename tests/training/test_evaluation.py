"""The mean loss and metrics over a data set, by `Session.evaluate` and at a validation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutedl_xp import Backend, Dataset, Session
from cutedl_xp.layers import Dense, Dropout
from cutedl_xp.losses import BinaryCrossentropy, Mse
from cutedl_xp.metrics import accuracy, binary_accuracy

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]


def directly(session: Session, x: np.ndarray, classes: np.ndarray) -> dict[str, float]:
    """Return the loss and accuracy over all samples at once, in NumPy and float64."""
    outputs = session.backend.to_numpy(session.model.predict(x)).astype("float64")
    log_p = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    hits = outputs.argmax(axis=1) == classes
    return {"loss": -float(log_p[np.arange(len(x)), classes].mean()), "accuracy": float(hits.mean())}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 40), batch_size=st.integers(1, 45), shuffle=st.booleans())
def test_means_over_all_samples_whatever_the_batches(
    make_session: MakeSession, clusters: Clusters, size: int, batch_size: int, shuffle: bool
) -> None:
    session = make_session(dtype="float64", metrics=[accuracy])
    x, classes = clusters[0][:size], clusters[1][:size]
    means = session.evaluate(Dataset(x, classes, batch_size, shuffle=shuffle))
    assert means == pytest.approx(directly(session, x, classes), rel=1e-12)
    assert all(type(mean) is float for mean in means.values())


@pytest.mark.parametrize(("batches", "samples"), [(0, 150), (1, 64), (2, 128), (3, 150), (9, 150)])
def test_the_first_batches_alone(make_session: MakeSession, clusters: Clusters, batches: int, samples: int) -> None:
    session = make_session(dtype="float64", metrics=[accuracy])
    x, classes = clusters
    expected = directly(session, x[:samples], classes[:samples])
    data = Dataset(x, classes, batch_size=64, shuffle=False)
    assert session.evaluate(data, batches=batches) == pytest.approx(expected, rel=1e-12)
    history = session.fit(Dataset(x, classes), epochs=1, val_data=data, val_batches=batches)
    expected = directly(session, x[:samples], classes[:samples])
    assert [history.val_loss[-1], history.val_accuracy[-1]] == pytest.approx(list(expected.values()), rel=1e-12)


def test_fit_records_what_evaluate_returns(make_session: MakeSession, clusters: Clusters, dtype: str) -> None:
    session = make_session(dtype=dtype, metrics=[accuracy])
    val_data = Dataset(*clusters, batch_size=47)
    history = session.fit(Dataset(*clusters), epochs=3, val_data=val_data)
    means = session.evaluate(val_data)
    assert means == {"loss": history.val_loss[-1], "accuracy": history.val_accuracy[-1]}


def test_layers_behave_as_in_prediction(make_session: MakeSession, clusters: Clusters) -> None:
    session = make_session(Dense(8, input_dim=2), Dropout(0.2), Dense(3, activation="linear"), dtype="float64")
    expected = directly(session, *clusters)["loss"]
    assert session.evaluate(Dataset(*clusters)) == pytest.approx({"loss": expected}, rel=1e-12)


def test_evaluation_leaves_the_training_unchanged(make_session: MakeSession, clusters: Clusters) -> None:
    parts = [(Dense(8, input_dim=2), Dropout(0.5), Dense(3, activation="linear")) for _ in range(2)]
    watched, plain = (make_session(*part) for part in parts)
    data = Dataset(*clusters)
    for session in (watched, plain):
        session.fit(data, epochs=1)
        if session is watched:
            session.evaluate(data)
        session.fit(data, epochs=1, val_data=data if session is watched else None)
    assert watched.evaluate(data) == plain.evaluate(data)


def test_a_loss_alone_and_metrics_in_their_order(make_session: MakeSession, clusters: Clusters) -> None:
    x, classes = clusters
    one_output = Dense(1, input_dim=2, activation="linear")
    session = make_session(one_output, loss=Mse())
    assert list(session.evaluate(Dataset(x, x[:, :1]))) == ["loss"]
    session = make_session(metrics=[accuracy])
    assert list(session.evaluate(Dataset(x, classes))) == ["loss", "accuracy"]


def test_a_users_metric(make_session: MakeSession, backend: Backend, clusters: Clusters) -> None:
    def first_output(y_true: Any, y_pred: Any) -> Any:
        return y_pred[0, 0]

    x, classes = clusters
    session = make_session(metrics=[first_output, accuracy])
    data = Dataset(x, classes, batch_size=150, shuffle=False)
    history = session.fit(data, epochs=2, val_data=data)
    assert history.recorded == ("loss", "val_loss", "val_first_output", "val_accuracy")
    expected = float(backend.to_numpy(session.model.predict(x[:1]))[0, 0])
    assert history.series("val_first_output")[-1] == pytest.approx(expected, rel=1e-6)


def test_a_metric_may_return_a_python_number(make_session: MakeSession, clusters: Clusters) -> None:
    def samples(y_true: Any, y_pred: Any) -> float:
        return float(y_pred.shape[0])

    session = make_session(metrics=[samples])
    assert session.evaluate(Dataset(*clusters, batch_size=100))["samples"] == pytest.approx((100**2 + 50**2) / 150)


@pytest.mark.parametrize(
    ("data", "batches", "error", "match"),
    [
        (np.ones((4, 2)), 0, TypeError, "`data` must be a Dataset"),
        (Dataset(np.ones((4, 3)), np.zeros(4, dtype="int64")), 0, ValueError, "`data` does not fit"),
        (Dataset(np.ones((4, 2)), np.full(4, 3)), 0, ValueError, "from 0 to 2; got .*from 3 to 3"),
        (Dataset(np.ones((4, 2)), np.zeros(4)), 0, TypeError, "class numbers of an integer dtype"),
        (Dataset(np.ones((4, 2)), np.zeros(4, dtype="int64")), -1, ValueError, "`batches` must be 0 or greater"),
        (Dataset(np.ones((4, 2)), np.zeros(4, dtype="int64")), 1.0, TypeError, "`batches` must be an integer"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    make_session: MakeSession, data: Any, batches: Any, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        make_session().evaluate(data, batches=batches)


def test_a_loss_that_is_not_finite_is_reported_unchanged(make_session: MakeSession) -> None:
    session = make_session(Dense(1, input_dim=1, activation="linear"), loss=Mse())
    x = np.array([[np.inf]])
    assert math.isinf(session.evaluate(Dataset(x, np.zeros((1, 1))))["loss"])


@pytest.mark.parametrize("batch_size", [64, 999, 1000])
def test_accuracy_is_the_exact_quotient(make_session: MakeSession, batch_size: int) -> None:
    zeros = Dense(2, input_dim=2, activation="linear", weight_initializer="zeros")
    session = make_session(zeros, metrics=[accuracy])
    data = Dataset(np.zeros((1000, 2)), (np.arange(1000) >= 910).astype("int64"), batch_size)  # all count as 0
    assert session.evaluate(data)["accuracy"] == 0.91


@pytest.mark.parametrize("from_logits", [True, False])
def test_binary_accuracy_follows_the_loss(make_session: MakeSession, clusters: Clusters, from_logits: bool) -> None:
    x = clusters[0].astype("float32")
    labels = (x[:, :1] > 0).astype("float32")
    layer = Dense(1, input_dim=2, activation="linear" if from_logits else "sigmoid")
    session = make_session(layer, loss=BinaryCrossentropy(from_logits=from_logits), metrics=[binary_accuracy])
    data = Dataset(x, labels, batch_size=47)
    history = session.fit(data, 5, val_data=data)
    outputs = session.backend.to_numpy(session.model.predict(x))
    expected = float(((outputs > (0.0 if from_logits else 0.5)) == labels).mean())
    assert 0.5 < expected < 1.0
    assert session.evaluate(data)["binary_accuracy"] == history.val_binary_accuracy[-1] == expected


def test_binary_accuracy_counts_entries(make_session: MakeSession) -> None:
    session = make_session(Dense(3, input_dim=2, activation="linear"), loss=Mse(), metrics=[binary_accuracy])
    session.model.set_weights({"/1-Dense/weight": np.zeros((2, 3)), "/1-Dense/bias": np.array([1.0, -1.0, 1.0])})
    data = Dataset(np.zeros((5, 2)), np.tile([1.0, 1.0, 0.0], (5, 1)), batch_size=2)
    assert session.evaluate(data)["binary_accuracy"] == 5 / 15


def test_a_mean_over_many_batches_does_not_drift(make_session: MakeSession) -> None:
    session = make_session(Dense(1, input_dim=1, activation="linear", weight_initializer="zeros"), loss=Mse())
    root = np.float32(np.sqrt(0.1))
    data = Dataset(np.zeros((6000, 1), "float32"), np.full((6000, 1), root), batch_size=1, shuffle=False)
    assert session.evaluate(data)["loss"] == pytest.approx(float(root) ** 2, rel=1.2e-7)
