"""Starting values: distributions, and their dependence on the seed and the name."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes

from cutedl_xp import Model, initializers
from cutedl_xp._random import Stream
from cutedl_xp.layers import Dense, Layer, ParameterSpec

NAMES = ("zeros", "ones", "uniform", "normal", "glorot_uniform", "he_normal", "glorot_normal", "he_uniform")


def drawn(name, shape, seed=0):
    return initializers.get("weight_initializer", name)(Stream(seed, "weights", "/1-Dense/weight"), shape)


def test_these_are_all_the_names():
    assert tuple(initializers.INITIALIZERS) == NAMES


@pytest.mark.parametrize(("name", "value"), [("zeros", 0.0), ("ones", 1.0)])
def test_constants(name, value):
    assert np.all(drawn(name, (3, 4)) == value)


@pytest.mark.parametrize(
    ("name", "shape", "limit"),
    [
        ("uniform", (400, 100), 0.1),
        ("uniform", (40_000,), 0.1),
        ("glorot_uniform", (400, 100), math.sqrt(6 / 500)),
        ("glorot_uniform", (20, 20, 100), math.sqrt(6 / 500)),
        ("glorot_uniform", (40_000,), math.sqrt(6 / 40_001)),
        ("he_uniform", (400, 100), math.sqrt(6 / 400)),
        ("he_uniform", (20, 20, 100), math.sqrt(6 / 400)),
    ],
)
def test_uniform_ones_fill_their_range_evenly(name, shape, limit):
    values = drawn(name, shape)
    assert values.min() >= -limit
    assert values.max() < limit
    counts, _ = np.histogram(values, bins=10, range=(-limit, limit))
    assert counts.sum() == 40_000
    assert np.all(np.abs(counts - 4000) < 300)  # five standard deviations


@pytest.mark.parametrize(
    ("name", "shape", "deviation"),
    [
        ("normal", (400, 100), 0.05),
        ("he_normal", (400, 100), math.sqrt(2 / 400)),
        ("he_normal", (20, 20, 100), math.sqrt(2 / 400)),
        ("glorot_normal", (400, 100), math.sqrt(2 / 500)),
        ("glorot_normal", (20, 20, 100), math.sqrt(2 / 500)),
    ],
)
def test_normal_ones_have_their_deviation(name, shape, deviation):
    values = drawn(name, shape) / deviation
    assert abs(values.mean()) < 0.025
    assert abs(values.std() - 1) < 0.02
    assert abs(np.mean(np.abs(values) < 1) - 0.6827) < 0.015
    assert np.abs(values).max() > 3.5  # not truncated


@pytest.mark.parametrize("name", NAMES)
@given(shape=array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
def test_every_shape_is_available(name, shape):
    values = np.asarray(drawn(name, shape))
    assert values.shape == shape
    assert np.all(np.isfinite(values))


@pytest.mark.parametrize("name", NAMES[2:])
def test_a_seed_decides_the_values(name):
    assert np.array_equal(drawn(name, (5, 6), seed=3), drawn(name, (5, 6), seed=3))
    assert not np.any(drawn(name, (5, 6), seed=3) == drawn(name, (5, 6), seed=4))


def test_a_callable_is_taken_unchanged():
    def own(stream, shape):
        return np.full(shape, 7.0)

    assert initializers.get("weight_initializer", own) is own


@pytest.mark.parametrize(
    ("given_value", "error"), [("xavier", ValueError), ("", ValueError), (None, TypeError), (0, TypeError)]
)
def test_an_unknown_one_is_refused(given_value, error):
    with pytest.raises(error, match=rf"`bias_initializer` must be one of 'zeros', .*'he_uniform'; got {given_value!r}"):
        initializers.get("bias_initializer", given_value)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        initializers.INITIALIZERS["own"] = initializers.zeros


class Offset(Layer):
    """A layer with a parameter whose initializer is a name."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training):
        raise NotImplementedError

    def config(self):
        return {}

    def parameter_specs(self, input_shape):
        return {"offset": ParameterSpec((3, 2), self.initializer)}


def test_a_users_layer_names_an_initializer(backend, to_numpy):
    layer = Offset()
    layer.initializer = "he_uniform"
    value = to_numpy(Model([layer]).assemble(backend, "float64", seed=4).parameters[0].value)
    stream = Stream(4, "weights", "/1-Offset/offset")
    np.testing.assert_array_equal(value, initializers.he_uniform(stream, (3, 2)))
    layer.initializer = "xavier"
    with pytest.raises(ValueError, match=r"`initializer` must be one of 'zeros', .*; got 'xavier'"):
        Model([layer]).assemble(backend)


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_layers_and_specifications_take_a_name_alike(backend, to_numpy, name):
    own = Offset()
    own.initializer = name
    dense = Dense(2, input_dim=3, weight_initializer=name, bias_initializer=name)
    drawn = ParameterSpec((3, 2), name).draw
    for layer, parameter in ((own, "/1-Offset/offset"), (dense, "/1-Dense/weight")):
        value = to_numpy(Model([layer]).assemble(backend, "float64", seed=4).parameters[0].value)
        np.testing.assert_array_equal(value, drawn(Stream(4, "weights", parameter)))
    bias = to_numpy(Model([dense]).assemble(backend, "float64", seed=4).parameters[1].value)
    np.testing.assert_array_equal(bias, ParameterSpec((2,), name).draw(Stream(4, "weights", "/1-Dense/bias")))
