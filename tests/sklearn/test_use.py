"""The estimators with labels, arrays and parameters of users of scikit-learn."""

import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.model_selection import RandomizedSearchCV

from cutedl_xp.layers import Dropout
from cutedl_xp.sklearn import NetClassifier, NetRegressor

X, Y = load_iris(return_X_y=True)
WORDS = np.array(["a", "bb", "ccc"])


def classifier(**parameters: Any) -> NetClassifier:
    return NetClassifier(**{"epochs": 3, "random_state": 0, **parameters})


@pytest.mark.parametrize("labels", [WORDS, WORDS.astype(object), np.array([-3.0, 0.0, 7.0]), np.arange(3, dtype="u1")])
def test_predictions_are_labels_as_given(labels: Any) -> None:
    net = classifier().fit(X, labels[Y])
    assert net.classes_.tolist() == labels.tolist()
    assert net.predict(X).dtype == labels.dtype
    assert np.array_equal(net.predict(X), labels[classifier().fit(X, Y).predict(X)])


def test_labels_of_pandas_are_taken() -> None:
    pandas = pytest.importorskip("pandas")
    expected, frame = classifier().fit(X, WORDS[Y]).predict(X), pandas.DataFrame(X, columns=list("abcd"))
    for labels in (pandas.Series(WORDS[Y]), pandas.Series(WORDS[Y]).astype("category"), pandas.DataFrame(WORDS[Y])[0]):
        assert np.array_equal(classifier().fit(frame, labels).predict(frame), expected)


@pytest.mark.parametrize("label", [7, "z"])
def test_a_single_class_is_predicted_with_certainty(label: Any) -> None:
    net = classifier().fit(X, np.full(len(X), label))
    assert np.array_equal(net.predict(X[:2]), [label, label])
    assert net.predict_proba(X[:2]).tolist() == [[1.0], [1.0]]


def test_constant_features_give_the_shares_of_the_classes() -> None:
    net = classifier(epochs=100, learning_rate=0.1).fit(np.ones((90, 2)), np.arange(90) % 3 // 2)
    assert np.allclose(net.predict_proba(np.ones((1, 2))), [[2 / 3, 1 / 3]], atol=0.05)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u1"])
def test_float32_samples_stay_float32(dtype: str) -> None:
    expected = np.float32 if dtype == "f4" else np.float64
    samples = X.astype(dtype)
    assert classifier().fit(samples, Y).predict_proba(samples).dtype == expected
    assert NetRegressor(epochs=1).fit(samples, Y).predict(samples).dtype == expected
    assert classifier(dtype=np.float32).fit(samples, Y).predict_proba(samples).dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
def test_samples_must_be_finite(kind: Any, value: float) -> None:
    wrong = np.where(X > 5, value, X)
    with pytest.raises(ValueError, match="Input X contains"):
        kind().fit(wrong, Y)
    with pytest.raises(ValueError, match="Input X contains"):
        kind(epochs=1).fit(X, Y).predict(wrong)


@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
def test_sparse_samples_are_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match=r"Sparse data was passed for X, but dense data is required"):
        kind().fit(csr_array(X), Y)
    with pytest.raises(TypeError, match=r"Sparse data was passed for X, but dense data is required"):
        kind(epochs=1).fit(X, Y).predict(csr_array(X))


def test_sparse_labels_equal_dense_ones() -> None:
    samples, labels = make_multilabel_classification(n_samples=50, random_state=0)
    dense, sparse = (classifier().fit(samples, each).predict_proba(samples) for each in (labels, csr_array(labels)))
    assert np.array_equal(dense, sparse)


def test_the_seed_decides_all_random_numbers() -> None:
    parameters: dict[str, Any] = {"dropout": 0.3, "early_stopping": True}
    one, two, other = (classifier(random_state=seed, **parameters).fit(X, Y).predict_proba(X) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    state = np.random.RandomState(1)
    assert np.array_equal(one, classifier(random_state=state, **parameters).fit(X, Y).predict_proba(X))
    assert not np.array_equal(one, classifier(random_state=state, **parameters).fit(X, Y).predict_proba(X))


def test_a_clone_has_the_parameters_and_no_weights() -> None:
    net = classifier(hidden_layer_sizes=(3, 2), class_weight={0: 2.0}).fit(X, Y)
    other = clone(net).set_params(hidden_layer_sizes=5)
    assert other.get_params() == {**net.get_params(), "hidden_layer_sizes": 5}
    assert not hasattr(other, "model_")
    assert other.fit(X, Y).model_.weights()["/1-Dense/weight"].shape == (4, 5)


def test_a_search_may_draw_truth_values_from_an_array() -> None:
    drawn = {"early_stopping": np.array([True, False]), "warm_start": np.array([False, True])}
    search = RandomizedSearchCV(classifier(), drawn, n_iter=4, cv=2, random_state=0, error_score="raise")
    assert len(search.fit(X, Y).cv_results_["params"]) == 4


@pytest.mark.parametrize(("parameter", "value"), [("alpha", -1.0), ("epochs", 0), ("batch_size", "auto")])
def test_a_refused_parameter_leaves_the_fitted_network(parameter: str, value: Any) -> None:
    net = classifier().fit(X, Y)
    before = net.predict_proba(X)
    with pytest.raises((TypeError, ValueError), match=f"`{parameter}`"):
        net.set_params(**{parameter: value}).fit(X, Y)
    assert np.array_equal(net.predict_proba(X), before)
    assert net.n_iter_ == 3


@pytest.mark.parametrize("rows", [[0, 1, 60, 61], [*range(101)], [*range(0, 150, 10)]])
def test_few_samples_of_a_class_do_not_prevent_early_stopping(rows: list[int]) -> None:
    net = classifier(early_stopping=True).fit(X[rows], Y[rows])
    assert len(net.history_.val_loss) == 3
    assert net.predict_proba(X).shape == (150, len(np.unique(Y[rows])))


def test_early_stopping_needs_two_samples() -> None:
    with pytest.raises(ValueError, match="train set will be empty"):
        classifier(early_stopping=True).fit(X[:1], Y[:1])


def test_verbose_shows_the_progress_also_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    classifier(verbose=1).fit(X, Y)
    assert "loss" in capsys.readouterr().err
    classifier().fit(X, Y)
    assert capsys.readouterr().err == ""


def test_no_warning_is_raised() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert classifier().fit(X, Y).score(X, Y) > 0.2
        assert NetRegressor(epochs=3, random_state=0).fit(X, Y).score(X, Y) < 1.0


def test_the_guide_names_every_parameter_with_its_default() -> None:
    guide = Path(__file__).parents[2] / "docs" / "guides" / "scikit-learn.md"
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", guide.read_text(encoding="utf-8"), re.MULTILINE)
    defaults = {name: repr(each.default) for name, each in inspect.signature(NetClassifier).parameters.items()}
    assert dict(rows) == defaults
    assert defaults.keys() - {"class_weight"} == inspect.signature(NetRegressor).parameters.keys()


def test_the_dropout_is_the_share_that_is_dropped() -> None:
    layers = classifier(dropout=0.2, epochs=1).fit(X, Y).model_.layers
    assert [layer.keep_prob for layer in layers if isinstance(layer, Dropout)] == [0.8]


def test_names_of_scikit_learn_are_refused_with_the_names_here() -> None:
    with pytest.raises(TypeError, match=r"^NetClassifier\(\) has no parameter `max_iter`; use `epochs`$"):
        NetClassifier(max_iter=20)
    with pytest.raises(TypeError, match=r"^NetRegressor\(\) has no .*init`; use `learning_rate`$"):
        NetRegressor(learning_rate_init=0.1)
    with pytest.raises(ValueError, match="got 'sgd': use 'fixed', or 'momentum' for momentum"):
        classifier(optimizer="sgd").fit(X, Y)
