"""Default learning rates of the estimators' optimizers."""

import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits

from cutedl_xp.sklearn import NetClassifier
from cutedl_xp.sklearn._parameters import OPTIMIZER_NAMES


@pytest.mark.parametrize("optimizer", OPTIMIZER_NAMES)
def test_the_default_rate_of_each_optimizer_learns_digits_within_the_default_epochs(optimizer: str) -> None:
    X, y = load_digits(return_X_y=True)
    X = X / 16.0
    net = NetClassifier(optimizer=optimizer, random_state=0).fit(X[:1200], y[:1200])
    assert net.score(X[1200:], y[1200:]) > 0.9
