"""Functions of exponentials: accurate in the middle, finite at the ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cutedl_xp import _numerics

ANY_SHAPE = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
LARGE = [-1e4, -1000.0, -100.0, 0.0, 100.0, 1000.0, 1e4]


def softplus(xp, x):
    return _numerics.softplus_minus_product(xp, x, xp.zeros_like(x))


def numbers(shape, bound=30.0):
    return arrays(np.float64, shape, elements=st.floats(-bound, bound))


@given(x=numbers(ANY_SHAPE))
def test_sigmoid_is_half_of_one_plus_tanh_of_half(xp, backend, to_numpy, x):
    result = to_numpy(_numerics.sigmoid(xp, backend.asarray(x)))
    np.testing.assert_allclose(result, (1 + np.tanh(x / 2)) / 2, rtol=0, atol=1e-15)


@given(x=numbers(ANY_SHAPE, 1000.0))
def test_softplus_is_the_logarithm_of_a_sum_of_exponentials(xp, backend, to_numpy, x):
    result = to_numpy(softplus(xp, backend.asarray(x)))
    limits = np.finfo(
        np.float64
    )  # XLA replaces subnormal numbers by 0, and CUDA's exponential becomes 0 slightly earlier
    smallest = limits.smallest_normal if backend.name == "jax" else limits.smallest_subnormal
    np.testing.assert_allclose(result, np.logaddexp(0, x), rtol=1e-14, atol=smallest)


def test_the_small_logarithm_beside_large_numbers_is_kept(xp, backend, to_numpy, dtype):
    z = backend.asarray([20.0], dtype)
    result = _numerics.softplus_minus_product(xp, z, xp.ones_like(z))
    np.testing.assert_allclose(to_numpy(result), [np.log1p(np.exp(-20.0))], rtol=1e-6)


def test_large_inputs_give_the_limits(xp, backend, to_numpy, dtype):
    x = backend.asarray(LARGE, dtype)
    sigmoid, soft = to_numpy(_numerics.sigmoid(xp, x)), to_numpy(softplus(xp, x))
    assert sigmoid[[0, 1, 3, 5, 6]].tolist() == [0, 0, 0.5, 1, 1]
    assert soft[[0, 1, 5, 6]].tolist() == [0, 0, 1000, 1e4]
    shifted, exponentials = map(to_numpy, _numerics.exponentials(xp, x, xp.max(x)))
    assert shifted.tolist() == [number - 1e4 for number in LARGE]
    assert exponentials.tolist() == [0, 0, 0, 0, 0, 0, 1]


def test_the_smallest_values_are_kept(xp, backend, to_numpy):
    x = np.asarray([-700.0, -100.0, -40.0])
    for function in (_numerics.sigmoid, softplus):
        np.testing.assert_allclose(to_numpy(function(xp, backend.asarray(x))), np.exp(x), rtol=1e-14)


@pytest.mark.parametrize("function", [_numerics.sigmoid, softplus])
def test_nan_stays_nan_and_infinities_have_their_limits(xp, backend, to_numpy, function):
    low, high, nan = to_numpy(function(xp, backend.asarray([float("-inf"), float("inf"), float("nan")]))).tolist()
    assert low == 0.0
    assert high == (1.0 if function is _numerics.sigmoid else float("inf"))
    assert np.isnan(nan)


def test_shape_dtype_and_device_stay_and_nothing_is_overwritten(xp, backend, unchanged, dtype):
    x = backend.asarray([[1.0, -2.0, 3.0], [0.0, 50.0, -90.0]], dtype)
    with unchanged(x):
        results = [_numerics.sigmoid(xp, x), softplus(xp, x), *_numerics.exponentials(xp, x, x)]
        results += _numerics.crossentropy_terms(xp, x, x, x, xp.abs(x) + 1.0, x, 0.5)
    assert all(result.shape == (2, 3) for result in results)
    assert all(backend.owns(result) and result.dtype == x.dtype for result in results)
