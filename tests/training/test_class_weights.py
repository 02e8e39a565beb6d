"""Weights of classes act as weights of their samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session, get_backend
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import FitListener
from cutedl_xp.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    Loss,
    Mse,
    SparseCategoricalCrossentropy,
)
from cutedl_xp.optimizers import Adam

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(12, 2))
CLASSES = np.arange(12) % 3
BINARY = (CLASSES == 1).astype(np.float64)[:, None]
OWN = RANDOM.uniform(0.5, 2.0, size=12)
CASES: dict[str, tuple[Loss, np.ndarray, dict[int, float], list[float]]] = {
    "numbers": (SparseCategoricalCrossentropy(), CLASSES, {0: 3.0, 2: 0.0}, [3.0, 1.0, 0.0]),
    "one-hot": (CategoricalCrossentropy(), np.eye(3)[CLASSES], {0: 3.0, 2: 0.0}, [3.0, 1.0, 0.0]),
    "binary": (BinaryCrossentropy(), BINARY, {1: 4.0}, [1.0, 4.0, 1.0]),
}


def make_session(backend: Backend, loss: Loss) -> Session:
    units = 1 if isinstance(loss, BinaryCrossentropy) else 3
    model = Model([Dense(units, input_dim=2, activation="linear")]).assemble(backend, "float64", seed=1)
    return Session(model, loss, Adam(lr=0.01))


@pytest.mark.parametrize("own", [None, OWN], ids=["alone", "with sample_weight"])
@pytest.mark.parametrize("case", CASES)
def test_class_weights_are_those_of_the_samples(backend: Backend, case: str, own: Any) -> None:
    loss, labels, class_weight, of_class = CASES[case]
    weights = np.array(of_class)[CLASSES] * (1.0 if own is None else own)
    first, second = make_session(backend, loss), make_session(backend, loss)
    data = Dataset(X, backend.asarray(labels), batch_size=5, sample_weight=own)
    for _ in range(2):  # the weights of a call are not stored
        found = first.fit(data, 2, class_weight=class_weight).loss
        expected = second.fit(Dataset(X, labels, batch_size=5, sample_weight=weights), 2).loss
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert data.sample_weight is own


@pytest.mark.parametrize("in_file", [False, True])
def test_a_resumed_training_needs_the_same_class_weights(backend: Backend, in_file: bool, tmp_path: Path) -> None:
    weights, session = {0: 3.0}, make_session(backend, SparseCategoricalCrossentropy())
    whole = make_session(backend, SparseCategoricalCrossentropy()).fit((X, CLASSES), 4, class_weight=weights)

    def interrupt(event: Any) -> None:
        if event.session.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.fit((X, CLASSES), 4, class_weight=weights, listeners=[FitListener("epoch_end", callback=interrupt)])
    if in_file:
        session.save(tmp_path / "session.ckpt")
        session = Session.load(tmp_path / "session.ckpt", backend)
    for wrong in (None, {0: 2.0}):
        with pytest.raises(ValueError, match="`train` must have the weights of the interrupted training"):
            session.resume((X, CLASSES), class_weight=wrong)
    assert session.resume((X, CLASSES), class_weight=weights).loss == whole.loss


def test_weights_are_refused_when_a_training_without_them_is_resumed() -> None:
    session = make_session(get_backend("numpy"), SparseCategoricalCrossentropy())

    def interrupt(event: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.fit((X, CLASSES), 4, listeners=[FitListener("epoch_end", callback=interrupt)])
    with pytest.raises(ValueError, match="must have the weights of the interrupted training"):
        session.resume((X, CLASSES, OWN))


@pytest.mark.parametrize(
    ("loss", "labels", "class_weight", "message"),
    [
        (SparseCategoricalCrossentropy(), CLASSES, {3: 1.0}, "classes of the labels, from 0 to 2; got 3"),
        (SparseCategoricalCrossentropy(), CLASSES, {"0": 1.0}, "classes of the labels, from 0 to 2; got '0'"),
        (SparseCategoricalCrossentropy(), CLASSES, {0: -1.0}, r"`class_weight\[0\]` must be 0 or greater"),
        (SparseCategoricalCrossentropy(), CLASSES, [1.0, 2.0], "`class_weight` must be a dict"),
        (CategoricalCrossentropy(), np.full((12, 3), 1 / 3), {0: 2.0}, "rows without a single 1"),
        (BinaryCrossentropy(), BINARY / 2, {0: 2.0}, "labels that are not whole numbers"),
    ],
)
def test_other_class_weights_are_refused(loss: Loss, labels: np.ndarray, class_weight: Any, message: str) -> None:
    session = make_session(get_backend("numpy"), loss)
    with pytest.raises((TypeError, ValueError), match=message):
        session.fit((X, labels), 1, class_weight=class_weight)
    assert session.step == 0


def test_a_loss_without_weights_takes_no_class_weights() -> None:
    class Halved(Mse):
        def value_and_gradient(self, backend: Backend, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
            value, gradient = super().value_and_gradient(backend, y_true, y_pred)
            return value / 2, gradient / 2

    with pytest.raises(ValueError, match="Halved does not"):
        make_session(get_backend("numpy"), Halved()).fit((X, np.eye(3)[CLASSES]), 1, class_weight={0: 2.0})


@pytest.mark.parametrize("by_batches", [False, True])
def test_classes_of_a_hinge_loss_are_minus_one_and_one(backend: Backend, by_batches: bool) -> None:
    labels = np.where(CLASSES == 1, 1.0, -1.0)[:, None]
    model = Model([Dense(1, input_dim=2, activation="linear")]).assemble(backend, "float64", seed=1)
    session = Session(model, Hinge(), Adam(lr=0.01))
    data = Dataset.from_batches([(X, labels)], 1) if by_batches else Dataset(X, labels, batch_size=12, shuffle=False)
    expected = session.evaluate((X, labels, np.where(CLASSES == 1, 1.0, 2.0)))["loss"]
    assert session.fit(data, 1, class_weight={-1: 2.0}).loss == [pytest.approx(expected)]
