"""Huber, hinge, label smoothing and plain functions: formulas, finite differences, errors, training."""

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, Session
from cutedl_xp.layers import Dense
from cutedl_xp.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    FunctionLoss,
    Hinge,
    Huber,
    Mse,
    SparseCategoricalCrossentropy,
)
from cutedl_xp.optimizers import Fixed

DRAW = np.random.default_rng(0)
OUTPUTS = DRAW.normal(size=(6, 4)) * 2
SIGNS = np.where(DRAW.normal(size=(6, 4)) > 0, 1.0, -1.0)
REAL = DRAW.normal(size=(6, 4))
ONE_HOT = np.eye(4)[[0, 3, 1, 1, 2, 0]]
LOG_P = OUTPUTS - np.log(np.exp(OUTPUTS).sum(axis=1, keepdims=True))
SMOOTH = ONE_HOT * 0.9 + 0.025
BINARY = (SIGNS > 0) * 0.8 + 0.1
RESIDUALS = np.abs(OUTPUTS - REAL)

CASES = {
    "huber": (Huber(0.7), REAL, np.where(RESIDUALS <= 0.7, RESIDUALS**2 / 2, 0.7 * (RESIDUALS - 0.35)).mean()),
    "hinge": (Hinge(), SIGNS, np.maximum(0, 1 - SIGNS * OUTPUTS).mean()),
    "hinge of 0 and 1": (Hinge(), (SIGNS > 0) * 1.0, np.maximum(0, 1 - SIGNS * OUTPUTS).mean()),
    "categorical": (CategoricalCrossentropy(label_smoothing=0.1), ONE_HOT,
        -(SMOOTH * LOG_P).sum(axis=1).mean()),
    "sparse": (
        SparseCategoricalCrossentropy(label_smoothing=0.1), ONE_HOT.argmax(axis=1),
        -(SMOOTH * LOG_P).sum(axis=1).mean(),
    ),
    "binary": (
        BinaryCrossentropy(label_smoothing=0.2), (SIGNS > 0) * 1.0,
        (np.logaddexp(0, OUTPUTS) - OUTPUTS * BINARY).mean(),
    ),
}  # fmt: skip

every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_the_value_is_that_of_the_formula(backend, case):
    loss, labels, expected = CASES[case]
    value, _ = loss(backend.asarray(labels), backend.asarray(OUTPUTS))
    assert float(value) == pytest.approx(expected, rel=1e-12)


@every_case
def test_the_gradient_is_that_of_finite_differences(backend, to_numpy, finite_differences, case):
    loss, labels, _ = CASES[case]
    y = backend.asarray(labels)
    _, gradient = loss(y, backend.asarray(OUTPUTS))
    expected = finite_differences(lambda point: loss(y, point)[0], OUTPUTS)
    np.testing.assert_allclose(to_numpy(gradient), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", [BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy])
@pytest.mark.parametrize(("value", "error"), [(1.0, ValueError), (-0.1, ValueError), ("a", TypeError)])
def test_a_bad_smoothing_is_refused(kind, value, error):
    with pytest.raises(error, match="`label_smoothing` must be"):
        kind(label_smoothing=value)


def test_a_bad_delta_is_refused():
    with pytest.raises(ValueError, match="`delta` must be greater than 0; got 0"):
        Huber(0)


def test_hinge_refuses_other_labels(backend):
    with pytest.raises(ValueError, match="Hinge takes labels from -1 to 1; got labels from 0 to 2"):
        Hinge().check_labels(backend.asarray(np.array([[0.0], [2.0]])), (1,))


def squares(xp, y_true, y_pred):
    difference = y_pred - y_true
    return xp.mean(difference * difference), 2.0 * difference / difference.shape[0]


def make_session(backend, loss):
    return Session(Model([Dense(1, 1, "linear")]).assemble(backend, seed=2), loss=loss, optimizer=Fixed(0.1))


class TestFunction:
    x = np.linspace(-1.0, 1.0, 16, dtype="float32").reshape(16, 1)

    def test_it_trains_and_evaluates_like_the_loss(self, backend):
        data = Dataset(self.x, 3.0 * self.x, batch_size=4)
        own, built_in = make_session(backend, squares), make_session(backend, Mse())
        np.testing.assert_allclose(own.fit(data, 3).loss, built_in.fit(data, 3, compiled=False).loss, rtol=1e-5)
        assert own.evaluate(data)["loss"] == pytest.approx(built_in.evaluate(data)["loss"], rel=1e-5)

    def test_a_session_file_names_it(self, backend, tmp_path):
        session = make_session(backend, squares)
        session.save(tmp_path / "s")
        assert Session.load(tmp_path / "s", backend, custom=[squares]).loss == FunctionLoss(squares)

    @pytest.mark.parametrize(
        ("function", "error", "message"),
        [
            (lambda xp, y, p: xp.mean(p), TypeError, "must return the loss and its gradient, a pair"),
            (
                lambda xp, y, p: (0.0, p[:1, ...]),
                ValueError,
                r"must return a gradient of the shape \(4, 1\) of `y_pred`",
            ),
            (lambda xp, y, p: (p, p), ValueError, "must return the loss as one number"),
        ],
    )
    def test_another_result_is_refused(self, backend, function, error, message):
        with pytest.raises(error, match=message):
            make_session(backend, function).fit(Dataset(self.x, self.x, batch_size=4), 1)

    def test_a_class_is_refused(self, backend):
        with pytest.raises(TypeError, match="`loss` must be a Loss; got"):
            make_session(backend, Mse)
        with pytest.raises(TypeError, match="`function` must be a function; got"):
            FunctionLoss(Mse)
