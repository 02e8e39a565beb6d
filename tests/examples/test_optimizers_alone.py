"""The logistic regression of the examples, on the arrays of every backend, compared with Newton's method."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import logistic_regression
import numpy as np
import pytest

from cutedl_xp import Backend
from cutedl_xp.optimizers import Momentum

PENALTY = 0.05


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Return 40 samples with three features, of two overlapping classes."""
    random = np.random.default_rng(3)
    classes = np.arange(40) % 2
    return random.normal(size=(40, 3)) + classes[:, None] * [1.0, -0.5, 0.0], classes.astype("float64")


def newton(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the intercept and the coefficients."""
    x = np.column_stack([np.ones(len(x)), x])
    penalty = np.diag([0.0, PENALTY, PENALTY, PENALTY])
    w = np.zeros(4)
    for _ in range(10):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (p - y) / len(x) + penalty @ w
        w = w - np.linalg.solve((x.T * (p * (1 - p))) @ x / len(x) + penalty, gradient)
    return w


def test_logistic_regression_comes_to_newtons_solution(backend: Backend, to_numpy: Callable[[Any], np.ndarray]) -> None:
    x, y = samples()
    params = logistic_regression.fit(
        Momentum(lr=1.0, momentum=0.8, nesterov=True), backend.asarray(x), backend.asarray(y), PENALTY, updates=200
    )
    assert all(backend.owns(array) for array in params.values())
    found = np.append(to_numpy(params["intercept"]), to_numpy(params["coefficients"]))
    np.testing.assert_allclose(found, newton(x, y), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("strength", [1.0, 0.1], ids=lambda strength: f"C={strength}")
def test_logistic_regression_is_scikit_learns(
    strength: float, backend: Backend, to_numpy: Callable[[Any], np.ndarray]
) -> None:
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression

    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10).fit(x, y)
    reference = {
        "coefficients": backend.asarray(theirs.coef_[0]),
        "intercept": backend.asarray(theirs.intercept_[0], dtype="float64"),
    }

    x, y, penalty = backend.asarray(x), backend.asarray(y, dtype="float64"), 1.0 / (strength * len(x))
    params = logistic_regression.fit(Momentum(0.3, 0.95, nesterov=True), x, y, penalty, updates=1_500)
    losses = [float(logistic_regression.loss_and_gradients(each, x, y, penalty)[0]) for each in (params, reference)]
    assert abs(losses[0] - losses[1]) < 1e-13
    for name, wanted in reference.items():
        np.testing.assert_allclose(to_numpy(params[name]), to_numpy(wanted), rtol=0.0, atol=1e-9)


def test_loss_of_logistic_regression_has_these_gradients(
    backend: Backend, to_numpy: Callable[[Any], np.ndarray], finite_differences: Callable[..., np.ndarray]
) -> None:
    x, y = map(backend.asarray, samples())
    params = {"coefficients": backend.asarray(np.array([0.3, -2.0, 1.0])), "intercept": backend.asarray(np.array(0.5))}
    _, gradients = logistic_regression.loss_and_gradients(params, x, y, PENALTY)
    for name, array in params.items():
        wanted = finite_differences(
            lambda w, name=name: logistic_regression.loss_and_gradients(params | {name: w}, x, y, PENALTY)[0],
            to_numpy(array),
        )
        np.testing.assert_allclose(to_numpy(gradients[name]), wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("--backend=nonsense", "there is no backend 'nonsense'"), ("--library=numpy", "unrecognized arguments")],
)
def test_wrong_use_is_named_in_one_line(wrong: str, said: str) -> None:
    program = Path(logistic_regression.__file__)
    done = subprocess.run([sys.executable, program, wrong], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"{program.name}: error: {said}")
