"""Dropout: the share of kept entries, the scale, and the masks of a seed on every backend."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes

from cutedl_xp import Model
from cutedl_xp.layers import Dense, Dropout


def dropout(keep_prob, backend, dtype="float64", seed=0):
    """Return a layer that is bound to a backend and a seed."""
    return Model([Dropout(keep_prob)]).assemble(backend, dtype, seed).layers[0]


@pytest.mark.parametrize("keep_prob", [0.1, 0.5, 0.8, 0.99])
def test_the_kept_share_and_the_mean_are_as_expected(backend, to_numpy, keep_prob):
    y = to_numpy(dropout(keep_prob, backend).forward(backend.asarray(np.ones((200, 500))), training=True)[0])
    deviation = (keep_prob * (1 - keep_prob) / y.size) ** 0.5
    assert abs(np.mean(y != 0) - keep_prob) < 5 * deviation
    assert abs(y.mean() - 1) < 5 * deviation / keep_prob
    np.testing.assert_allclose(y[y != 0], 1 / keep_prob, rtol=1e-15)


def test_entries_are_dropped_independently_of_their_row_and_column(backend, to_numpy):
    kept = to_numpy(dropout(0.5, backend).forward(backend.asarray(np.ones((200, 200))), training=True)[0]) != 0
    assert 0.3 < kept.mean(axis=0).min() < kept.mean(axis=0).max() < 0.7
    assert 0.3 < kept.mean(axis=1).min() < kept.mean(axis=1).max() < 0.7
    assert abs(np.mean(kept[1:] == kept[:-1]) - 0.5) < 0.02
    assert abs(np.mean(kept[:, 1:] == kept[:, :-1]) - 0.5) < 0.02


def test_an_entry_is_dropped_or_divided_by_the_probability_and_the_gradient_likewise(backend, to_numpy):
    draw = np.random.default_rng(0)
    x, upstream = draw.uniform(1, 2, (30, 4)), draw.uniform(1, 2, (30, 4))
    y, backward = dropout(0.25, backend).forward(backend.asarray(x), training=True)
    kept = to_numpy(y) != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(to_numpy(y), np.where(kept, x / 0.25, 0), rtol=1e-15)
    for _ in range(2):
        np.testing.assert_allclose(
            to_numpy(backward(backend.asarray(upstream))), np.where(kept, upstream / 0.25, 0), rtol=1e-15
        )


def test_the_gradient_is_that_of_finite_differences(xp, backend, to_numpy, finite_differences):
    draw = np.random.default_rng(0)
    x, upstream = draw.normal(size=(3, 4)), backend.asarray(draw.normal(size=(3, 4)))
    _, backward = dropout(0.6, backend, seed=5).forward(backend.asarray(x), training=True)

    def value(point):  # a new layer with the same seed draws the same mask
        return xp.sum(dropout(0.6, backend, seed=5).forward(point, training=True)[0] * upstream)

    np.testing.assert_allclose(to_numpy(backward(upstream)), finite_differences(value, x), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("keep_prob", "training"), [(0.5, False), (1.0, True), (1, True), (1.0, False)])
def test_nothing_changes_outside_training_or_where_all_is_kept(backend, to_numpy, keep_prob, training):
    x = backend.asarray(np.random.default_rng(0).normal(size=(5, 6)))
    y, backward = dropout(keep_prob, backend).forward(x, training=training)
    assert np.array_equal(to_numpy(y), to_numpy(x))
    assert np.array_equal(to_numpy(backward(x)), to_numpy(x))


def test_outside_training_no_mask_is_used_up(backend, to_numpy):
    x = backend.asarray(np.ones((8, 8)))
    one, other = dropout(0.5, backend), dropout(0.5, backend)
    other.forward(x, training=False)
    assert np.array_equal(to_numpy(one.forward(x, training=True)[0]), to_numpy(other.forward(x, training=True)[0]))


def masks(backend, dtype="float64", seed=0):
    layer = dropout(0.5, backend, dtype, seed)
    x = backend.asarray(np.ones((16, 16)), dtype)
    return [backend.to_numpy(layer.forward(x, training=True)[0]) != 0 for _ in range(3)]


def test_every_call_draws_another_mask(backend):
    first, second, third = masks(backend)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_a_seed_gives_the_same_masks_again_on_numpy_too_and_in_either_dtype(backend):
    assert np.array_equal(masks(backend), masks(backend))
    assert np.array_equal(masks(backend), masks(Model([Dropout(0.5)]).assemble("numpy").backend))
    assert np.array_equal(masks(backend, "float32"), masks(backend, "float64"))
    assert not np.array_equal(masks(backend, seed=0), masks(backend, seed=1))


def test_assembling_again_starts_the_masks_again(backend, to_numpy):
    model = Model([Dropout(0.5)])
    x = backend.asarray(np.ones((16, 16), dtype="float32"))
    first, second = (to_numpy(model.assemble(backend, seed=3).forward(x, training=True)[0]) for _ in range(2))
    assert np.array_equal(first, second)


def test_two_layers_of_one_model_draw_different_masks(backend, to_numpy):
    model = Model([Dropout(0.5), Dropout(0.5)]).assemble(backend)
    x = backend.asarray(np.ones((16, 16), dtype="float32"))
    first, second = (to_numpy(layer.forward(x, training=True)[0]) for layer in model.layers)
    assert not np.array_equal(first, second)


def test_a_model_drops_in_training_alone(backend, to_numpy):
    model = Model([Dropout(0.5), Dense(3, input_dim=4)]).assemble(backend)
    plain = Model([Dense(3, input_dim=4)]).assemble(backend)
    for target, source in zip(model.parameters, plain.parameters, strict=True):
        target.value = source.value
    x = backend.asarray(np.random.default_rng(0).normal(size=(5, 4)), "float32")
    assert np.array_equal(to_numpy(model.predict(x)), to_numpy(plain.predict(x)))
    assert not np.array_equal(to_numpy(model.forward(x, training=True)[0]), to_numpy(plain.predict(x)))


@given(shape=array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
def test_shape_dtype_and_device_stay(backend, dtype, shape):
    x = backend.asarray(np.ones(shape), dtype)
    y, backward = dropout(0.5, backend, dtype).forward(x, training=True)
    for result in (y, backward(x)):
        assert backend.owns(result)
        assert result.shape == shape
        assert result.dtype == backend.dtype(dtype)


def test_nothing_is_overwritten(backend, unchanged):
    x, gradient = backend.asarray(np.ones((4, 4))), backend.asarray(np.ones((4, 4)))
    with unchanged(x, gradient):
        dropout(0.5, backend).forward(x, training=True)[1](gradient)


def test_nan_stays_visible_where_it_is_dropped_too(backend, to_numpy):
    x = backend.asarray(np.full((4, 4), np.nan))
    assert np.all(np.isnan(to_numpy(dropout(0.5, backend).forward(x, training=True)[0])))


@pytest.mark.parametrize("keep_prob", [0, -0.5, 1.5, 2])
def test_a_probability_outside_0_and_1_is_refused(keep_prob):
    with pytest.raises(ValueError, match=f"`keep_prob` must be greater than 0 and at most 1; got {keep_prob}"):
        Dropout(keep_prob)


@pytest.mark.parametrize("keep_prob", [float("nan"), float("inf"), 10**400])
def test_a_probability_that_is_not_finite_is_refused(keep_prob):
    with pytest.raises(ValueError, match=f"`keep_prob` must be finite; got {keep_prob}"):
        Dropout(keep_prob)


@pytest.mark.parametrize("keep_prob", ["0.5", None, True, [0.5]])
def test_a_probability_that_is_not_a_number_is_refused(keep_prob):
    with pytest.raises(TypeError, match="`keep_prob` must be a number; got"):
        Dropout(keep_prob)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (1.5, ValueError), ("0.5", TypeError)])
def test_a_probability_that_is_assigned_is_checked(value, error):
    layer = Dropout(0.5)
    with pytest.raises(error, match="`keep_prob` must be "):
        layer.keep_prob = value
    layer.keep_prob = np.float32(0.25)
    assert repr(layer) == "Dropout(keep_prob=0.25)"


@pytest.mark.parametrize("shape", [None, (), (3,), (28, 28)])
def test_the_output_shape_is_the_inputs(shape):
    assert Dropout(0.5).output_shape(shape) == shape


def test_config_and_repr_have_the_argument():
    assert Dropout(np.float32(0.5)).config() == {"keep_prob": 0.5}
    assert type(Dropout(np.float32(0.5)).config()["keep_prob"]) is float
    assert repr(Dropout(0.5)) == "Dropout(keep_prob=0.5)"
