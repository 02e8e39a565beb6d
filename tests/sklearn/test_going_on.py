"""Continued training: ``warm_start`` and ``partial_fit``."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from cutedl_xp.sklearn import NetClassifier, NetRegressor

X, Y = load_iris(return_X_y=True)


def warm(**parameters: Any) -> NetClassifier:
    return NetClassifier(**{"epochs": 2, "warm_start": True, "random_state": 0, **parameters})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_counts_as_scikit_learn_does() -> None:
    net, other = warm(), MLPClassifier(max_iter=2, warm_start=True, random_state=0)
    for _ in range(2):
        net.fit(X, Y)
        other.fit(X, Y)
        assert (net.n_iter_, len(net.loss_curve_)) == (other.n_iter_, len(other.loss_curve_))


def test_partial_fit_counts_its_epochs_after_those_of_fit() -> None:
    net = warm().fit(X, Y).partial_fit(X, Y)
    assert (net.n_iter_, len(net.loss_curve_)) == (3, 3)


def test_warm_start_keeps_the_weights_if_dropout_and_dtype_change() -> None:
    net = warm(optimizer="fixed", learning_rate=1e-12).fit(X, Y)
    before = net.predict_proba(X)
    net.set_params(dropout=0.5, dtype="float32").fit(X, Y)
    assert net.model_.weights().keys() == {f"/{place}-Dense/{kind}" for place in (1, 3) for kind in ("weight", "bias")}
    assert np.allclose(net.predict_proba(X), before, atol=1e-5)


def test_warm_start_refuses_other_sizes_and_new_classes() -> None:
    net = warm().fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match=r"`hidden_layer_sizes` must stay \(100,\) with warm_start=True; got \(7,\)"):
        net.set_params(hidden_layer_sizes=7).fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match=r"the estimator was made for, 0, 1; got 2 as well"):
        net.set_params(hidden_layer_sizes=100).fit(X, Y)
    with pytest.raises(ValueError, match="X has 2 features"):
        net.fit(X[:, :2], Y)
    assert net.set_params(warm_start=False).fit(X, Y).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
def test_the_penalty_of_partial_fit_is_divided_by_the_size_of_each_batch(kind: Any) -> None:
    rate, alpha = 0.1, 2.0
    net = kind(optimizer="fixed", learning_rate=rate, alpha=alpha, batch_size=40, random_state=0)
    plain = kind(optimizer="fixed", learning_rate=rate, batch_size=40, random_state=0)
    unit = 2.0 if kind is NetRegressor else 1.0  # for the mean squared error, instead of half of it
    known = {} if kind is NetRegressor else {"classes": [0, 1, 2]}
    for each in (net, plain):
        each.partial_fit(X, Y, **known)
    for size in (10, 30):
        plain._network.model.set_weights(net.model_.weights())
        before = net.model_.weights()["/1-Dense/weight"]
        for each in (net, plain):
            each.partial_fit(X[:size], Y[:size])
        shrunk = plain.model_.weights()["/1-Dense/weight"] - net.model_.weights()["/1-Dense/weight"]
        assert np.allclose(shrunk, rate * unit * alpha / size * before)


def test_partial_fit_refuses_early_stopping() -> None:
    with pytest.raises(ValueError, match=r"`early_stopping` must be False for partial_fit\(\)"):
        warm(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
