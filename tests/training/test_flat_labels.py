"""Labels of shape (n,) for an output of one unit equal labels of shape (n, 1)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session, get_backend
from cutedl_xp.layers import Dense
from cutedl_xp.losses import BinaryCrossentropy, FunctionLoss, Hinge, Huber, Loss, Mse, SparseCategoricalCrossentropy
from cutedl_xp.metrics import R2, BinaryAccuracy, MeanAbsoluteError, binary_accuracy
from cutedl_xp.optimizers import Adam

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(12, 2))
TARGETS = X @ np.array([1.0, -2.0])
WEIGHTS = RANDOM.uniform(0.5, 2.0, size=12)


def mean_square(xp: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    assert y_true.shape == y_pred.shape
    return xp.mean((y_pred - y_true) ** 2), 2 * (y_pred - y_true) / y_pred.shape[0]


def mean_label(y_true: Any, y_pred: Any) -> Any:
    """Return a number of labels in the shape of the outputs."""
    assert y_true.shape == y_pred.shape
    return (y_true * y_true)[0, 0] + y_pred[0, 0] * 0


CASES: dict[str, tuple[Callable[[], Loss], np.ndarray, list[Any]]] = {
    "mse": (Mse, TARGETS, [R2(), MeanAbsoluteError(), mean_label]),
    "huber": (Huber, TARGETS, []),
    "hinge": (Hinge, np.sign(TARGETS), []),
    "binary": (BinaryCrossentropy, (TARGETS > 0).astype(np.int64), [BinaryAccuracy(), binary_accuracy]),
    "function": (lambda: FunctionLoss(mean_square), TARGETS, []),
}
WEIGHTED = ("mse", "huber", "hinge")


def make_session(backend: Backend, loss: Loss, metrics: Any = (), units: int = 1) -> Session:
    model = Model([Dense(units, input_dim=2, activation="linear")]).assemble(backend, "float64", seed=1)
    names = [BinaryAccuracy(name="object") if isinstance(each, BinaryAccuracy) else each for each in metrics]
    return Session(model, loss, Adam(lr=0.01), metrics=names)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("case", CASES)
def test_flat_labels_train_and_evaluate_like_columns(
    backend: Backend, case: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiled and case == "function":
        pytest.skip("a plain function is not compiled")
    if compiled:  # backends without compilation run the default of `run_steps`
        monkeypatch.setattr(type(backend), "compiles_steps", True)
        for name in ("why_not_compiled", "why_not_by_default"):
            monkeypatch.setattr(type(backend), name, lambda self: None)
    make_loss, labels, metrics = CASES[case]
    results = []
    for given in (labels, labels[:, None]):
        data = Dataset(X, given, batch_size=5, sample_weight=WEIGHTS if case in WEIGHTED and not metrics else None)
        session = make_session(backend, make_loss(), metrics)
        history = session.fit(data, 3, val_data=data, compiled=compiled)
        assert bool(session.compiled) == compiled
        results.append((history.loss, history.val_loss, session.evaluate(data)))
    assert results[0] == results[1]


def test_a_call_of_a_loss_takes_flat_labels(backend: Backend) -> None:
    y, p = backend.asarray(np.array([0.0, 1.0]), "float64"), backend.asarray(np.array([[1.0], [4.0]]), "float64")
    value, gradient = Mse()(y, p)
    assert float(backend.to_numpy(value)) == 5.0
    np.testing.assert_array_equal(backend.to_numpy(gradient), [[1.0], [3.0]])


def test_class_numbers_keep_their_shape(backend: Backend) -> None:
    numbers = backend.asarray(np.zeros(3, np.int64))
    assert SparseCategoricalCrossentropy().expand_labels(numbers, (3, 1)) is numbers


@pytest.mark.parametrize(("labels", "units"), [(TARGETS, 3), (TARGETS[:6].reshape(6, 1), 6)])
def test_other_shapes_are_refused(labels: np.ndarray, units: int) -> None:
    session = make_session(get_backend("numpy"), Mse(), units=units)
    with pytest.raises(ValueError, match="needs `y_true` of the shape of the model's output"):
        session.fit((X[: len(labels)], labels), 1)
