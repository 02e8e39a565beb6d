"""Probabilities and classes from outputs."""

import numpy as np
import pytest

from cutedl_xp import Model, Session
from cutedl_xp.layers import Dense
from cutedl_xp.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Mse,
    SparseCategoricalCrossentropy,
    predict_classes,
    predict_proba,
)
from cutedl_xp.optimizers import Fixed

OUTPUTS = np.array([[0.25, 1.0, -2.0], [1000.0, 0.0, 0.75]])
SOFTMAX = np.exp(OUTPUTS - OUTPUTS.max(axis=1, keepdims=True))
SOFTMAX /= SOFTMAX.sum(axis=1, keepdims=True)
BITS = [[1, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize(
    ("loss", "probabilities", "classes"),
    [
        (CategoricalCrossentropy(), SOFTMAX, [1, 0]),
        (SparseCategoricalCrossentropy(), SOFTMAX, [1, 0]),
        (CategoricalCrossentropy(from_logits=False), OUTPUTS, [1, 0]),
        (BinaryCrossentropy(), 1.0 / (1.0 + np.exp(-OUTPUTS)), BITS),
        (BinaryCrossentropy(from_logits=False), OUTPUTS, [[0, 1, 0], [1, 0, 1]]),
    ],
)
def test_they_follow_the_loss(backend, to_numpy, loss, probabilities, classes):
    outputs = backend.asarray(OUTPUTS, "float32")
    np.testing.assert_allclose(to_numpy(predict_proba(outputs, loss)), probabilities, rtol=1e-5, atol=1e-7)
    assert to_numpy(predict_classes(outputs, loss)).tolist() == classes


@pytest.mark.parametrize("function", [predict_proba, predict_classes])
def test_other_losses_have_none(backend, function):
    with pytest.raises(TypeError, match="`loss` must be a cross-entropy"):
        function(backend.asarray(OUTPUTS, "float32"), Mse())


def test_a_session_uses_its_own_loss(backend, to_numpy):
    model, loss = Model([Dense(3, input_dim=3, activation="linear")]).assemble(backend), CategoricalCrossentropy()
    session, x = Session(model, loss=loss, optimizer=Fixed()), np.eye(3, dtype="float32")
    assert to_numpy(session.predict_classes(x, 2)).tolist() == to_numpy(model.predict(x)).argmax(axis=1).tolist()
    np.testing.assert_allclose(to_numpy(session.predict_proba(x)).sum(axis=1), 1.0, rtol=1e-6)
