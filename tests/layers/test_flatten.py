"""Flatten: each sample in one row, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes

from cutedl_xp import Model
from cutedl_xp.layers import Flatten


@pytest.fixture(scope="module")
def forward(backend):
    return Model([Flatten()]).assemble(backend, "float64").layers[0].forward


@pytest.mark.parametrize("training", [True, False])
@given(shape=array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
def test_each_sample_becomes_a_row_and_its_gradient_has_its_shape_again(forward, backend, to_numpy, training, shape):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    y, backward = forward(backend.asarray(x), training)
    assert y.shape == (shape[0], int(np.prod(shape[1:])))
    for row, sample in zip(to_numpy(y), x, strict=True):
        assert row.tolist() == sample.ravel().tolist()
    assert np.array_equal(to_numpy(backward(y)), x)
    assert backend.owns(y)
    assert y.dtype == backend.dtype("float64")


@pytest.mark.parametrize(
    ("sample", "flat"), [((28, 28), (784,)), ((7,), (7,)), ((), (1,)), ((2, 0), (0,)), (None, None)]
)
def test_the_output_shape_is_the_number_of_entries(sample, flat):
    assert Flatten().output_shape(sample) == flat


def test_nothing_is_overwritten(forward, backend, unchanged):
    x = backend.asarray(np.ones((2, 3, 4)))
    gradient = backend.asarray(np.ones((2, 12)))
    with unchanged(x, gradient):
        forward(x, training=True)[1](gradient)


def test_it_has_no_parameters_and_no_arguments(backend):
    assert len(Model([Flatten()]).assemble(backend).parameters) == 0
    assert Flatten().config() == {}
    assert repr(Flatten()) == "Flatten()"
