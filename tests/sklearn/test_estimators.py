"""The estimators in scikit-learn's tools, and compared with its networks."""

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_breast_cancer, load_wine, make_multilabel_classification, make_regression
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cutedl_xp.sklearn import NetClassifier, NetRegressor

EQUAL = {"n_iter_no_change": 10_000, "max_iter": 30, "batch_size": 64}  # settings of scikit-learn's networks


def wine() -> tuple[Any, Any]:
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def test_a_pickled_estimator_trains_on_with_the_same_numbers() -> None:
    X, y = wine()
    net = NetClassifier(epochs=3, dropout=0.2, random_state=0).fit(X, y)
    other = pickle.loads(pickle.dumps(net))  # noqa: S301
    assert np.array_equal(net.predict_proba(X), other.predict_proba(X))
    assert np.array_equal(net.partial_fit(X, y).predict_proba(X), other.partial_fit(X, y).predict_proba(X))


def test_partial_fit_keeps_classes_that_the_first_batch_lacks() -> None:
    X, y = wine()
    net = NetClassifier(random_state=0).partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert net.partial_fit(X, y).predict_proba(X).shape == (len(y), 3)
    assert len(net.loss_curve_) == 2


def test_warm_start_continues_from_the_last_weights() -> None:
    X, y = wine()
    net = NetClassifier(epochs=20, warm_start=True, random_state=0).fit(X, y)
    assert net.fit(X, y).loss_curve_[20] < 0.7 * net.loss_curve_[0]


def test_early_stopping_ends_the_training() -> None:
    X, y = wine()
    net = NetClassifier(epochs=500, learning_rate=0.05, early_stopping=True, random_state=0).fit(X, y)
    assert net.n_iter_ < 500
    assert net.history_.stopped_by == "listener"


def test_the_penalty_makes_weights_smaller() -> None:
    X, y = wine()
    norms = [
        np.linalg.norm(NetClassifier(alpha=alpha, random_state=0).fit(X, y).model_.weights()["/1-Dense/weight"])
        for alpha in (0.0, 10.0)
    ]
    assert norms[1] < 0.5 * norms[0]


def test_labels_and_targets_have_several_columns() -> None:
    X, y = make_multilabel_classification(n_samples=200, random_state=0)
    X = StandardScaler().fit_transform(X)
    net = NetClassifier(learning_rate=0.01, random_state=0).fit(X, y)
    assert net.score(X, y) > 0.9
    X, y = make_regression(n_targets=3, n_features=5, random_state=0)
    assert NetRegressor(learning_rate=0.01, random_state=0).fit(X, y / y.std()).score(X, y / y.std()) > 0.9


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_the_classifier_is_as_good_as_that_of_scikit_learn(load: Any) -> None:
    X, y = load(return_X_y=True)
    pairs = [
        (NetClassifier(epochs=30, random_state=s), MLPClassifier(random_state=s, alpha=0, **EQUAL)) for s in (0, 1)
    ]
    own, other = (
        [cross_val_score(make_pipeline(StandardScaler(), net), X, y, cv=3).mean() for net in nets]
        for nets in zip(*pairs, strict=True)
    )
    assert abs(np.mean(own) - np.mean(other)) < 0.03


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_regressor_is_as_good_as_that_of_scikit_learn() -> None:
    X, y = make_regression(n_samples=400, n_features=8, noise=5.0, random_state=0)
    y = y / y.std()
    own = NetRegressor(epochs=30, random_state=0).fit(X, y).score(X, y)
    other = MLPRegressor(random_state=0, alpha=0, **EQUAL).fit(X, y).score(X, y)
    assert abs(own - other) < 0.03
