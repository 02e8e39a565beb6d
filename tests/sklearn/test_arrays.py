"""Arrays of other libraries and devices under scikit-learn's ``array_api_dispatch``."""

import os
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import config_context
from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from cutedl_xp.backends import available_backends, backend_of, get_backend
from cutedl_xp.sklearn import NetClassifier, NetRegressor

pytestmark = pytest.mark.skipif(
    os.environ.get("SCIPY_ARRAY_API") != "1", reason="scikit-learn asks for SCIPY_ARRAY_API=1"
)
X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
Place = Callable[[Any], Any]


@pytest.fixture(params=["torch", "array_api_strict", "array_api_strict:device1", "cupy"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Return a function that moves a NumPy array to a library and a device, under dispatch."""
    reason = available_backends()[request.param.partition(":")[0]]
    if reason is not None:
        pytest.skip(reason)
    backend = get_backend(request.param)
    with config_context(array_api_dispatch=True):
        yield lambda array: backend.asarray(array)


def to_host(array: Any, place: Place) -> Any:
    """Return an array on the host, after a check that it has the library and the device of the samples."""
    samples = place(X)
    assert type(array) is type(samples)
    assert array.device == samples.device
    return backend_of(samples).to_numpy(array)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_classifier_predicts_on_the_device_of_its_samples(place: Place, early_stopping: bool) -> None:
    net = NetClassifier(epochs=3, early_stopping=early_stopping, random_state=0)
    expected = net.fit(X, Y)
    classes, probability = expected.predict(X), expected.predict_proba(X)
    other = NetClassifier(**net.get_params()).fit(place(X), place(Y))
    assert other.model_.backend == backend_of(place(X))
    assert np.array_equal(to_host(other.predict(place(X)), place), classes)
    assert np.allclose(to_host(other.predict_proba(place(X)), place), probability, rtol=1e-9)
    assert np.allclose(to_host(other.predict_log_proba(place(X)), place), np.log(probability), rtol=1e-7)
    assert other.score(place(X), place(Y)) == pytest.approx(np.mean(classes == Y))
    copy = pickle.loads(pickle.dumps(other))  # noqa: S301
    assert np.allclose(to_host(copy.predict_proba(place(X)), place), probability, rtol=1e-9)


def test_a_regressor_predicts_on_the_device_of_its_samples(place: Place) -> None:
    for targets in (Y * 1.0, np.stack([Y, -Y], axis=1) * 1.0):
        net = NetRegressor(epochs=3, random_state=0)
        expected, score = net.fit(X, targets).predict(X), net.score(X, targets)
        other = NetRegressor(epochs=3, random_state=0).fit(place(X), place(targets))
        assert np.allclose(to_host(other.predict(place(X)), place), expected, rtol=1e-9)
        assert other.score(place(X), place(targets)) == pytest.approx(score)


def test_labels_of_several_columns_and_of_text(place: Place) -> None:
    columns = np.eye(3, dtype=np.int64)[Y]
    net = NetClassifier(epochs=3, random_state=0)
    expected = net.fit(X, columns).predict(X)
    assert np.array_equal(to_host(net.fit(place(X), place(columns)).predict(place(X)), place), expected)
    words = np.array(["a", "b", "c"])[Y]  # which stay on the host, as other libraries have none
    assert np.array_equal(net.fit(place(X), words).predict(place(X)), net.classes_[net.fit(X, Y).predict(X)])


def test_float32_partial_fit_and_cross_validation(place: Place) -> None:
    small = X.astype(np.float32)
    net = NetClassifier(random_state=0).partial_fit(place(small), place(Y), classes=place(np.arange(3)))
    probability = to_host(net.partial_fit(place(small), place(Y)).predict_proba(place(small)), place)
    expected = NetClassifier(random_state=0).partial_fit(small, Y, classes=[0, 1, 2]).partial_fit(small, Y)
    assert probability.dtype == np.float32
    assert np.allclose(probability, expected.predict_proba(small), atol=1e-5)
    scores = cross_val_score(NetClassifier(epochs=20, random_state=0), place(X), place(Y), cv=2)
    assert scores.shape == (2,)


def test_samples_elsewhere_are_refused(place: Place) -> None:
    net = NetClassifier(epochs=1, random_state=0).fit(place(X), place(Y))
    with pytest.raises(ValueError, match="must use the same namespace and the same device"):
        net.predict(X)


def test_the_parameter_backend_decides(place: Place) -> None:
    net = NetClassifier(epochs=1, backend="numpy", random_state=0).fit(place(X), place(Y))
    assert net.model_.backend.name == "numpy"
    expected = NetClassifier(epochs=1, random_state=0).fit(X, Y).predict(X)
    assert np.array_equal(to_host(net.predict(place(X)), place), expected)
