"""The estimators in scikit-learn's tools."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cutedl_xp.optimizers import Momentum
from cutedl_xp.sklearn import NetClassifier, NetRegressor


def piped(net: Any) -> Pipeline:
    return make_pipeline(StandardScaler(), net)


def test_a_grid_search_with_two_processes_chooses_the_rate_that_learns() -> None:
    X, y = load_wine(return_X_y=True)
    grid = {"netclassifier__learning_rate": [1e-6, 0.01]}
    search = GridSearchCV(piped(NetClassifier(epochs=10, random_state=0)), grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_ == {"netclassifier__learning_rate": 0.01}
    assert search.score(X, y) > 0.9


def test_an_optimizer_object_starts_over_in_each_fold() -> None:
    X, y = load_wine(return_X_y=True)
    optimizer = Momentum(0.05)
    net = piped(NetClassifier(epochs=10, optimizer=optimizer, random_state=0))
    scores = cross_val_score(net, X, y, cv=3)
    assert scores.min() > 0.9
    assert np.array_equal(scores, cross_val_score(net, X, y, cv=3))


def test_a_pipeline_with_pandas_output_knows_the_names_of_the_columns() -> None:
    pytest.importorskip("pandas")
    X, y = load_wine(return_X_y=True, as_frame=True)
    net = piped(NetRegressor(epochs=2, random_state=0)).set_output(transform="pandas").fit(X, y)
    assert net[-1].feature_names_in_.tolist() == X.columns.tolist()
    plain = piped(NetRegressor(epochs=2, random_state=0)).fit(X.to_numpy(), y.to_numpy())
    assert np.array_equal(net.predict(X), plain.predict(X.to_numpy()))
    with pytest.raises(ValueError, match="feature names"):
        net[-1].predict(net[0].transform(X)[X.columns[::-1]])


def test_joblib_keeps_a_fitted_pipeline(tmp_path: Path) -> None:
    X, y = load_wine(return_X_y=True)
    net = piped(NetClassifier(epochs=3, alpha=0.1, dtype="float32", random_state=0)).fit(X, y)
    joblib.dump(net, tmp_path / "net.joblib")
    other = joblib.load(tmp_path / "net.joblib")
    assert np.array_equal(net.predict_proba(X), other.predict_proba(X))
    assert other[-1].model_.dtype == net[-1].model_.dtype
    assert other[-1].loss_curve_ == net[-1].loss_curve_
