"""Copies of the weights of a model, and their assignment."""

import numpy as np
import pytest

from cutedl_xp import Model, get_backend
from cutedl_xp.layers import Dense


@pytest.fixture
def model(backend, dtype):
    return Model([Dense(3, input_dim=2), Dense(1)]).assemble(backend, dtype, seed=3)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_they_are_copies_in_numpy_arrays(model, dtype):
    weights = model.weights()
    assert list(weights) == [parameter.name for parameter in model.parameters]
    for parameter in model.parameters:
        array = weights[parameter.name]
        assert (type(array), array.dtype) == (np.ndarray, dtype)
        array += 1.0
    before = model.weights()
    for parameter in model.parameters:
        np.testing.assert_array_equal(weights[parameter.name], before[parameter.name] + 1)
        parameter.value = parameter.value * 2.0
    assert not same(before, model.weights())


def test_put_back_they_are_copied(model):
    weights = model.weights()
    for parameter in model.parameters:
        parameter.value = parameter.value + 1.0
    model.set_weights(weights)
    assert same(model.weights(), weights)
    kept = {name: array.copy() for name, array in weights.items()}
    for array in weights.values():
        array += 1.0
    assert same(model.weights(), kept)


def test_arrays_of_the_backend_and_other_dtypes_are_taken(model, backend, dtype):
    model.set_weights({p.name: backend.xp.zeros_like(p.value) for p in model.parameters})
    assert not any(array.any() for array in model.weights().values())
    model.set_weights({name: np.ones(array.shape, "int8") for name, array in model.weights().items()})
    assert all((array == 1.0).all() and array.dtype == dtype for array in model.weights().values())


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (None, TypeError, r"`w` must be a dict such as model.weights\(\)"),
        ({"/2-Dense/bias": None}, ValueError, "`w` must have the names '/1-Dense/weight', .*; got"),
        ({"/3-Dense/bias": np.ones(1)}, ValueError, "`w` must have the names .*; got .*'/3-Dense/bias'"),
        ({"/2-Dense/bias": np.ones(2)}, ValueError, r"`w`\['/2-Dense/bias'\] must have the shape \(1,\); got .*\(2,\)"),
        ({"/2-Dense/bias": np.array(["a"])}, (TypeError, ValueError), r"`w`\['/2-Dense/bias'\] cannot be taken: "),
    ],
)
def test_values_that_do_not_fit_are_refused_and_changes_nothing(model, change, error, match):
    before = model.weights()
    given = change and {name: array for name, array in ({**before} | change).items() if array is not None}
    if given:
        given["/1-Dense/weight"] = given["/1-Dense/weight"] + 1.0
    with pytest.raises(error, match=match):
        model.set_weights(given)
    assert same(model.weights(), before)


def test_arrays_of_another_library_are_refused(model, backend):
    other = get_backend("array_api_strict" if backend.name == "numpy" else "array_api_strict:device2")
    before = model.weights()
    with pytest.raises(TypeError):
        model.set_weights({name: other.asarray(array) for name, array in before.items()})
    assert same(model.weights(), before)
