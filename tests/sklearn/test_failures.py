"""Calls that fail or are interrupted do not change the estimator."""

import signal
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from cutedl_xp.sklearn import NetClassifier, NetRegressor
from cutedl_xp.training.plain_steps import PlainSteps

X, Y = load_iris(return_X_y=True)
LETTERS = np.array(["a", "b", "c"])[Y]
TWO, OTHER = Y < 2, np.array(["x", "y", "z"])[Y]


def press_control_c_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C in a step of the next training."""
    calls = []
    run = PlainSteps.run

    def interrupted(self: Any, limit: int) -> None:
        for _ in range(limit):
            calls.append(1)
            run(self, 1)
            if len(calls) == step:
                signal.raise_signal(signal.SIGINT)
                break

    patch.setattr(PlainSteps, "run", interrupted)


def attributes(net: Any) -> list[str]:
    return sorted(name for name in vars(net) if name.endswith("_") or name.startswith("_"))


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_refused_refit_leaves_the_old_estimator(warm_start: bool) -> None:
    net = NetClassifier(epochs=3, random_state=0).fit(X[TWO], LETTERS[TWO])
    before = net.predict_proba(X)
    net.set_params(warm_start=warm_start, dropout=1.5)
    with pytest.raises(ValueError, match="`dropout`" if not warm_start else "`y` must hold only"):
        net.fit(X, OTHER)
    assert net.classes_.tolist() == ["a", "b"]
    assert np.array_equal(net.predict_proba(X), before)
    with pytest.raises(ValueError, match="`dropout`"):
        net.set_params(warm_start=False).fit(X[:, :2], OTHER)
    assert net.n_features_in_ == 4
    assert set(net.predict(X)) <= {"a", "b"}


def test_a_refused_refit_leaves_the_old_regressor() -> None:
    net = NetRegressor(epochs=3, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="`dropout`"):
        net.set_params(dropout=1.5).fit(X, np.stack([Y, Y], axis=1))
    assert net.predict(X).shape == (150,)
    assert net.n_outputs_ == 1


def test_an_interrupted_refit_leaves_the_old_estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    net = NetClassifier(epochs=3, random_state=0).fit(X[TWO], LETTERS[TWO])
    before = net.predict_proba(X)
    press_control_c_at(4, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, OTHER)
    assert net.classes_.tolist() == ["a", "b"]
    assert np.array_equal(net.predict_proba(X), before)


def test_an_interrupted_first_fit_leaves_no_estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    net = NetClassifier(random_state=0)
    press_control_c_at(4, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y)
    with pytest.raises(NotFittedError):
        net.predict(X)
    assert attributes(net) == []


def test_a_refused_first_partial_fit_does_not_fix_the_classes() -> None:
    net = NetClassifier(optimizer="x", random_state=0)
    with pytest.raises(ValueError, match="`optimizer`"):
        net.partial_fit(X, LETTERS, classes=["a", "b", "c"])
    assert attributes(net) == []
    net.set_params(optimizer="adam").partial_fit(X, OTHER, classes=["x", "y", "z"])
    assert net.classes_.tolist() == ["x", "y", "z"]


def test_an_interrupted_partial_fit_leaves_weights_optimizer_and_position(monkeypatch: pytest.MonkeyPatch) -> None:
    net, other = (NetClassifier(batch_size=32, random_state=0).partial_fit(X, Y, classes=[0, 1, 2]) for _ in range(2))
    with monkeypatch.context() as patch:
        press_control_c_at(3, patch)
        with pytest.raises(KeyboardInterrupt):
            net.partial_fit(X, Y)
    assert np.array_equal(net.predict_proba(X), other.predict_proba(X))
    assert np.array_equal(net.partial_fit(X, Y).predict_proba(X), other.partial_fit(X, Y).predict_proba(X))
    assert (net.n_iter_, net.loss_curve_) == (other.n_iter_, other.loss_curve_)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_early_stopping_names_a_training_that_diverges_from_the_start() -> None:
    net = NetRegressor(epochs=2, optimizer="fixed", learning_rate=1e200, early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match=r"diverged from the start; got nan: set a smaller `learning_rate`"):
        net.fit(X, Y)
    assert attributes(net) == []
