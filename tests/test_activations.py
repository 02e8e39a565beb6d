"""Activations and their derivatives: formulas, finite differences, the ends of the range, unusual input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cutedl_xp import activations

NAMES = ("linear", "relu", "sigmoid", "tanh", "leaky_relu", "elu", "gelu", "silu", "softplus")
GELU = np.sqrt(2 / np.pi)
FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: (x + np.abs(x)) / 2,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": lambda x: np.expm1(2 * x) / (np.expm1(2 * x) + 2),
    "leaky_relu": lambda x: np.maximum(x, 0.01 * x),
    "elu": lambda x: np.maximum(x, 0) + np.expm1(-np.maximum(-x, 0)),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(GELU * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(0, x),
}
ENDS = {
    "linear": [-1000, -0.0, 0, 1000],
    "relu": [0, 0, 0, 1000],
    "sigmoid": [0, 0.5, 0.5, 1],
    "tanh": [-1, 0, 0, 1],
    "leaky_relu": [-10, 0, 0, 1000],
    "elu": [-1, 0, 0, 1000],
    "gelu": [0, 0, 0, 1000],
    "silu": [0, 0, 0, 1000],
    "softplus": [0, np.log(2), np.log(2), 1000],
}
SHAPES = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)

every_activation = pytest.mark.parametrize("name", NAMES)


def test_these_are_all_the_names():
    assert tuple(activations.ACTIVATIONS) == (*NAMES, "softmax")


@every_activation
@given(x=arrays(np.float64, SHAPES, elements=st.floats(-30, 30)))
def test_values_are_those_of_the_formula(name, xp, backend, to_numpy, x):
    y = to_numpy(activations.get(name).function(xp, backend.asarray(x)))
    assert y.shape == x.shape
    # 1 + tanh of gelu cancels for negative entries
    np.testing.assert_allclose(y, FORMULAS[name](x), rtol=1e-13, atol=1e-14 if name == "gelu" else 1e-15)


@every_activation
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 1, 2), (0, 3)])
def test_the_derivative_is_that_of_finite_differences(name, xp, backend, to_numpy, finite_differences, shape):
    activation = activations.get(name)
    draw = np.random.default_rng(len(shape))
    x = draw.uniform(0.1, 4.0, shape) * draw.choice([-1.0, 1.0], shape)  # no entry at relu's kink
    upstream = backend.asarray(np.asarray(draw.normal(size=shape)))
    y = activation.function(xp, backend.asarray(x))
    expected = finite_differences(lambda point: xp.sum(activation.function(xp, point) * upstream), x)
    kept = backend.asarray(x) if activation.of_input else y
    for result in (activation.backward(xp, kept, upstream), backend.elementwise(activation.backward, kept, upstream)):
        np.testing.assert_allclose(to_numpy(result), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_relu_passes_no_gradient_at_zero(xp, backend, to_numpy, zero):
    y = activations.relu(xp, backend.asarray(np.asarray([zero])))
    assert to_numpy(activations.relu_backward(xp, y, backend.asarray(np.ones(1)))).tolist() == [0.0]


@every_activation
def test_large_inputs_give_the_limits_and_finite_gradients(name, xp, backend, to_numpy, dtype):
    activation = activations.get(name)
    x = backend.asarray([-1000.0, -0.0, 0.0, 1000.0], dtype)
    y = activation.function(xp, x)
    assert to_numpy(y).tolist() == np.asarray(ENDS[name], dtype).tolist()
    kept = x if activation.of_input else y
    gradient = to_numpy(activation.backward(xp, kept, backend.asarray([1000.0] * 4, dtype)))
    assert np.all(np.isfinite(gradient))
    assert gradient[3] == (0.0 if name in ("sigmoid", "tanh") else 1000.0)


def test_sigmoid_keeps_its_smallest_values(xp, backend, to_numpy):
    x = np.asarray([-700.0, -300.0, -40.0])
    np.testing.assert_allclose(to_numpy(activations.sigmoid(xp, backend.asarray(x))), np.exp(x), rtol=1e-14)


@every_activation
def test_nan_stays_visible(name, xp, backend, to_numpy, dtype):
    y = to_numpy(activations.get(name).function(xp, backend.asarray([1.0, float("nan"), -1.0], dtype)))
    assert np.isnan(y).tolist() == [False, True, False]


@every_activation
@given(shape=SHAPES)
def test_shape_dtype_and_device_stay(name, xp, backend, dtype, shape):
    activation = activations.get(name)
    x = backend.asarray(np.ones(shape), dtype)
    for result in (activation.function(xp, x), activation.backward(xp, x, x)):
        assert backend.owns(result)
        assert result.shape == shape
        assert result.dtype == backend.dtype(dtype)


@every_activation
def test_nothing_is_overwritten(name, xp, backend, unchanged, dtype):
    x, y, gradient = (backend.asarray([-2.0, 0.0, 3.0], dtype) for _ in range(3))
    with unchanged(x, y, gradient):
        activations.get(name).function(xp, x)
        activations.get(name).backward(xp, y, gradient)


@pytest.mark.parametrize(
    ("name", "error"),
    [("swish", ValueError), ("ReLU", ValueError), ("", ValueError), (None, TypeError), (5, TypeError)],
)
def test_an_unknown_name_is_refused(name, error):
    with pytest.raises(error, match=rf"`activation` must be one of 'linear', 'relu', 'sigmoid', .*; got {name!r}"):
        activations.get(name)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        activations.ACTIVATIONS["swish"] = activations.get("relu")


def test_compiled_values_are_those_of_the_formula(backend, to_numpy):
    x = np.linspace(-12.0, 12.0, 97)
    for name in NAMES:
        y = to_numpy(backend.elementwise(activations.get(name).function, backend.asarray(x)))
        np.testing.assert_allclose(y, FORMULAS[name](x), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["gelu", "silu", "elu", "softplus"])
def test_huge_inputs_stay_finite(name, xp, backend, to_numpy):
    activation = activations.get(name)
    x = backend.asarray([-1e30, 1e30], "float32")
    y = activation.function(xp, x)
    gradient = activation.backward(xp, x if activation.of_input else y, backend.asarray([1.0, 1.0], "float32"))
    assert to_numpy(y)[1] == np.float32(1e30)
    assert to_numpy(gradient).tolist() == [0.0, 1.0]


class TestSoftmax:
    def test_values_are_those_of_the_formula(self, xp, backend, to_numpy):
        x = np.random.default_rng(0).normal(size=(4, 5)) * 3
        y = to_numpy(activations.softmax(xp, backend.asarray(x)))
        np.testing.assert_allclose(y, np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), rtol=1e-13)

    def test_the_derivative_is_that_of_finite_differences(self, xp, backend, to_numpy, finite_differences):
        draw = np.random.default_rng(1)
        x, upstream = draw.normal(size=(3, 4)), backend.asarray(draw.normal(size=(3, 4)))
        y = activations.softmax(xp, backend.asarray(x))
        expected = finite_differences(lambda point: xp.sum(activations.softmax(xp, point) * upstream), x)
        result = to_numpy(activations.softmax_backward(xp, y, upstream))
        np.testing.assert_allclose(result, expected, rtol=1e-7, atol=1e-9)

    def test_large_inputs_do_not_overflow(self, xp, backend, to_numpy, dtype):
        y = activations.softmax(xp, backend.asarray([[1000.0, 0.0], [-1000.0, -1000.0]], dtype))
        assert to_numpy(y).tolist() == [[1.0, 0.0], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("relu", activations.relu_backward), "`function` of an Activation must be a function"),
        ((activations.relu, None), "`backward` of an Activation must be a function"),
        ((activations.relu, activations.relu_backward, 1), "`of_input` must be True or False"),
        ((activations.relu, activations.relu_backward, False, 1), "`elementwise` must be True or False"),
    ],
)
def test_an_activation_of_wrong_parts_is_refused(arguments, message):
    with pytest.raises(TypeError, match=message):
        activations.Activation(*arguments)
