"""scikit-learn's own checks of estimators, without an expected failure."""

from typing import Any

import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from cutedl_xp.sklearn import NetClassifier, NetRegressor  # noqa: E402


@parametrize_with_checks([NetClassifier(), NetRegressor()])
def test_scikit_learn_accepts_the_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
