"""Weights of samples and of classes."""

import os
import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import config_context
from sklearn.datasets import load_wine, make_multilabel_classification
from sklearn.preprocessing import StandardScaler

from cutedl_xp.sklearn import NetClassifier, NetRegressor

COUNTS = np.arange(178) % 4  # 0 leaves a sample out


def wine() -> tuple[Any, Any]:
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def proba(net: Any, X: Any) -> Any:
    return net.predict(X) if isinstance(net, NetRegressor) else net.predict_proba(X)


@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_weights_equal_repeated_samples_also_in_the_penalty(kind: Any, call: str) -> None:
    X, y = wine()
    nets = [kind(epochs=5, batch_size=1000, alpha=3.0, random_state=0) for _ in range(2)]
    classes = {"classes": [0, 1, 2]} if kind is NetClassifier and call == "partial_fit" else {}
    getattr(nets[0], call)(X, y, sample_weight=COUNTS, **classes)
    getattr(nets[1], call)(X.repeat(COUNTS, axis=0), y.repeat(COUNTS), **classes)
    assert np.allclose(proba(nets[0], X), proba(nets[1], X), rtol=1e-9, atol=1e-12)


def test_weights_of_classes_multiply_those_of_samples() -> None:
    X, y = wine()
    factors = np.array([1.0, 5.0, 0.5])
    net = NetClassifier(epochs=3, class_weight={1: 5.0, 2: 0.5}, random_state=0)
    other = NetClassifier(epochs=3, random_state=0).fit(X, y, sample_weight=factors[y] * (COUNTS + 1))
    assert np.array_equal(net.fit(X, y, sample_weight=COUNTS + 1).predict_proba(X), other.predict_proba(X))
    net.set_params(class_weight={0: 1, 1: 5, 2: 0.5}).fit(X, y)
    assert np.array_equal(net.predict_proba(X), other.fit(X, y, sample_weight=factors[y]).predict_proba(X))


def test_balanced_classes_have_the_same_sum_of_weights() -> None:
    X, y = wine()
    balanced = NetClassifier(epochs=3, class_weight="balanced", random_state=0).fit(X, y)
    other = NetClassifier(epochs=3, random_state=0).fit(X, y, sample_weight=len(y) / (3 * np.bincount(y))[y])
    assert np.array_equal(balanced.predict_proba(X), other.predict_proba(X))
    with pytest.raises(ValueError, match="`class_weight` must be None or a dict for partial_fit"):
        balanced.partial_fit(X, y)
    X, y = make_multilabel_classification(n_samples=50, random_state=0)
    assert balanced.fit(X, y).predict_proba(X).shape == y.shape


def test_the_validation_data_keep_their_weights() -> None:
    X, y = wine()
    net = NetClassifier(epochs=3, early_stopping=True, random_state=0)
    losses = [net.fit(X, y, sample_weight=w).history_.val_loss for w in (None, np.full(len(y), 2.0), COUNTS + 1)]
    assert np.allclose(losses[0], losses[1])
    assert not np.allclose(losses[0], losses[2])


def test_the_score_is_weighted() -> None:
    X, y = wine()
    net = NetClassifier(epochs=1, random_state=0).fit(X, y)
    right = net.predict(X) == y
    assert net.score(X, y, sample_weight=COUNTS) == pytest.approx(np.average(right, weights=COUNTS))


@pytest.mark.parametrize(
    ("weights", "message"),
    [(-COUNTS, "[Nn]egative"), (0 * COUNTS, "non-zero"), (COUNTS[1:], "shape"), (COUNTS[:, None], "1D")],
)
def test_other_weights_are_refused(weights: Any, message: str) -> None:
    X, y = wine()
    with pytest.raises(ValueError, match=message):
        NetRegressor().fit(X, y, sample_weight=weights)


@pytest.mark.skipif(os.environ.get("SCIPY_ARRAY_API") != "1", reason="scikit-learn asks for SCIPY_ARRAY_API=1")
@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_of_any_kind_go_with_samples_of_another_library(library: str, early_stopping: bool) -> None:
    asarray = pytest.importorskip(library).asarray
    X, y = wine()
    net = NetClassifier(epochs=2, class_weight={1: 2.0}, early_stopping=early_stopping, random_state=0)
    expected = net.fit(X, y, sample_weight=COUNTS + 1).predict_proba(X)
    with config_context(array_api_dispatch=True):
        for weights in (COUNTS + 1, (COUNTS + 1).tolist(), asarray(COUNTS + 1)):
            net.fit(asarray(X), asarray(y), sample_weight=weights)
            assert np.allclose(np.asarray(net.predict_proba(asarray(X))), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({0: -1.0}, "`class_weight` must hold finite numbers of at least 0; got {0: -1.0}"),
        ({1: np.nan}, "`class_weight` must hold finite numbers of at least 0; got {1: nan}"),
        ({0: 0, 1: 0, 2: 0}, "`class_weight` must be above 0 for a class that `y` holds"),
    ],
)
@pytest.mark.parametrize("sample_weight", [None, COUNTS])
def test_a_message_about_weights_of_classes_names_them(weights: Any, message: str, sample_weight: Any) -> None:
    X, y = wine()
    with pytest.raises(ValueError, match=re.escape(message)):
        NetClassifier(class_weight=weights).fit(X, y, sample_weight=sample_weight)


@pytest.mark.parametrize(("part", "remedy"), [("validation", "larger"), ("training", "smaller")])
def test_a_part_of_early_stopping_without_weights_is_named(part: str, remedy: str) -> None:
    X, y = wine()
    weights = np.zeros(len(y))
    fraction = 0.01 if part == "validation" else 0.99
    weights[:2] = 1.0
    with pytest.raises(ValueError, match=rf"the {part} part of `early_stopping` .* {remedy} `validation_fraction`"):
        NetRegressor(early_stopping=True, validation_fraction=fraction, random_state=0).fit(X, y, sample_weight=weights)
