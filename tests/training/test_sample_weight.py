"""Weights of samples: a weight of 2 equals a sample given twice."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session, get_backend
from cutedl_xp.layers import Dense
from cutedl_xp.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    Huber,
    Loss,
    Mse,
    SparseCategoricalCrossentropy,
)
from cutedl_xp.metrics import F1, accuracy
from cutedl_xp.optimizers import Adam
from cutedl_xp.training.fingerprint import fingerprint

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(12, 2))
COUNTS = np.array([1, 2, 0, 3, 1, 1, 0, 2, 4, 1, 1, 2])
CLASSES = RANDOM.integers(0, 3, size=12)
ONE_HOT = np.eye(3)[CLASSES]
CASES: dict[str, tuple[Callable[[], Loss], np.ndarray, str]] = {
    "mse": (Mse, X @ RANDOM.normal(size=(2, 3)), "linear"),
    "binary": (BinaryCrossentropy, ONE_HOT, "linear"),
    "binary of probabilities": (lambda: BinaryCrossentropy(from_logits=False), ONE_HOT, "sigmoid"),
    "categorical": (CategoricalCrossentropy, ONE_HOT, "linear"),
    "categorical of probabilities": (lambda: CategoricalCrossentropy(from_logits=False), ONE_HOT, "sigmoid"),
    "smoothed": (lambda: SparseCategoricalCrossentropy(label_smoothing=0.2), CLASSES, "linear"),
    "smoothed binary": (lambda: BinaryCrossentropy(label_smoothing=0.2), ONE_HOT, "linear"),
    "huber": (lambda: Huber(delta=0.5), X @ RANDOM.normal(size=(2, 3)), "linear"),
    "hinge": (Hinge, ONE_HOT, "linear"),
    "sparse": (SparseCategoricalCrossentropy, CLASSES, "linear"),
}


def make_session(backend: Backend, loss: Loss, activation: str = "linear", metrics: Any = ()) -> Session:
    layers = [Dense(4, input_dim=2, activation="tanh"), Dense(3, activation=activation)]
    return Session(Model(layers).assemble(backend, "float64", seed=1), loss, Adam(lr=0.01), metrics=metrics)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("case", CASES)
def test_counts_as_weights_equal_repeated_samples(
    backend: Backend, case: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiled:  # backends without compilation run the default of `run_steps`
        monkeypatch.setattr(type(backend), "compiles_steps", True)
        for name in ("why_not_compiled", "why_not_by_default"):
            monkeypatch.setattr(type(backend), name, lambda self: None)
    make_loss, labels, activation = CASES[case]
    repeated = Dataset(np.repeat(X, COUNTS, axis=0), np.repeat(labels, COUNTS, axis=0), batch_size=100)
    weighted = Dataset(X, labels, batch_size=100, sample_weight=COUNTS)
    results = []
    for data in (repeated, weighted):
        session = make_session(backend, make_loss(), activation)
        history = session.fit(data, 5, val_data=data, compiled=compiled)
        assert bool(session.compiled) == compiled
        results.append((history.loss, history.val_loss, session.evaluate(data)["loss"], session.model.weights()))
    first, second = results
    for expected, found in zip(first[:3], second[:3], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    for name, value in first[3].items():
        np.testing.assert_allclose(second[3][name], value, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_epoch_means_are_weighted_over_batches(
    backend: Backend, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiled:
        monkeypatch.setattr(type(backend), "compiles_steps", True)
        for name in ("why_not_compiled", "why_not_by_default"):
            monkeypatch.setattr(type(backend), name, lambda self: None)
    session = make_session(backend, SparseCategoricalCrossentropy())
    for batch_size in (1, 5, 12):  # a batch of weight 0 among those of one sample
        data = Dataset(X, CLASSES, batch_size=batch_size, sample_weight=COUNTS)
        repeated = Dataset(np.repeat(X, COUNTS, axis=0), np.repeat(CLASSES, COUNTS), batch_size=7)
        assert session.evaluate(data)["loss"] == pytest.approx(session.evaluate(repeated)["loss"], rel=1e-12)
    history = session.fit(Dataset(X, CLASSES, batch_size=5, sample_weight=COUNTS), 1, compiled=compiled)
    assert np.isfinite(history.loss[0])


def test_weighted_batches_belong_to_their_samples(backend: Backend) -> None:
    numbers = np.arange(12.0)
    data = Dataset(numbers[:, None], numbers, batch_size=5, sample_weight=numbers, seed=4)
    for start in (0, 1):
        batches = list(data.weighted_batches(2, backend, "float32", start))
        assert len(batches) == 3 - start
        for x, y, weight, size in batches:
            assert weight is not None
            found = [backend.to_numpy(each).reshape(-1).tolist() for each in (x, y, weight)]
            assert found[0] == found[1] == found[2]
            assert size == sum(found[0])


def test_a_call_of_a_loss_takes_weights(backend: Backend) -> None:
    y, p, weight = (backend.asarray(np.array(each), "float64") for each in ([[0.0], [0.0]], [[1.0], [3.0]], [3.0, 1.0]))
    value, gradient = Mse()(y, p, weight)
    assert float(backend.to_numpy(value)) == 3.0
    np.testing.assert_allclose(backend.to_numpy(gradient), [[1.5], [1.5]])
    with pytest.raises(ValueError, match=r"must have the shape \(2,\)"):
        Mse()(y, p, weight[:1])


class Halved(Mse):
    """A loss without weights, derived from a loss with weights."""

    def value_and_gradient(self, backend: Backend, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_gradient(backend, y_true, y_pred)
        return value / 2, gradient / 2


def test_weights_are_refused_where_they_are_not_taken() -> None:
    data = Dataset(X, X[:, [0, 1, 1]], sample_weight=COUNTS)
    with pytest.raises(ValueError, match="Halved does not"):
        make_session(get_backend("numpy"), Halved()).fit(data, 1)
    with pytest.raises(ValueError, match="'largest' is a function, which takes no weights"):
        make_session(get_backend("numpy"), Mse(), metrics=[largest]).evaluate(data)


def largest(y_true, y_pred):
    return abs(y_pred - y_true).max()


def test_metrics_are_weighted(backend: Backend) -> None:
    session = make_session(backend, SparseCategoricalCrossentropy(), metrics=[accuracy, F1()])
    weighted = session.evaluate(Dataset(X, CLASSES, batch_size=5, sample_weight=COUNTS))
    repeated = Dataset(np.repeat(X, COUNTS, axis=0), np.repeat(CLASSES, COUNTS), batch_size=5)
    assert weighted == pytest.approx(session.evaluate(repeated), rel=1e-12)


@pytest.mark.parametrize("weights", [[1.0] * 11, [-1.0] + [1.0] * 11, [np.nan] * 12, [0] * 12, [np.inf] * 12])
def test_wrong_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="`sample_weight` must"):
        Dataset(X, CLASSES, sample_weight=weights)


def test_the_fingerprint_depends_on_the_weights() -> None:
    prints = [fingerprint(Dataset(X, CLASSES, sample_weight=w)) for w in (None, COUNTS, COUNTS + 1)]
    assert prints[0] != prints[1] != prints[2]


class Frame:
    """Like a DataFrame: an array on request."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values


def test_pairs_train_like_a_data_set(backend: Backend) -> None:
    made = [make_session(backend, SparseCategoricalCrossentropy()) for _ in range(4)]
    forms = [Dataset(X, CLASSES), (X, CLASSES), (X.tolist(), CLASSES.tolist()), (Frame(X), Frame(CLASSES))]
    losses = [session.fit(data, 2, val_data=data).val_loss for session, data in zip(made, forms, strict=True)]
    assert losses[0] == losses[1] == losses[2] == losses[3]
    assert len({session.evaluate(data)["loss"] for session, data in zip(made, forms, strict=True)}) == 1
    triple = made[0].evaluate((X, CLASSES, COUNTS))["loss"]
    assert triple == made[0].evaluate(Dataset(X, CLASSES, sample_weight=COUNTS))["loss"]


@pytest.mark.parametrize("wrong", [X, (X,), [X, CLASSES]])
def test_other_data_are_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"`train` must be a Dataset or a tuple \(x, y\)"):
        make_session(get_backend("numpy"), Mse()).fit(wrong, 1)
