"""The normalization layers: formulas, gradients by finite differences, and errors."""

import numpy as np
import pytest

from cutedl_xp import Model
from cutedl_xp.layers import BatchNormalization, Dense, LayerNormalization

KINDS = [LayerNormalization, BatchNormalization]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_shape = pytest.mark.parametrize("lead", [(6,), (2, 3), (2, 1, 2)], ids=str)
either_mode = pytest.mark.parametrize("training", [True, False])
AXES = {LayerNormalization: -1}


def assembled(backend, kind, dtype="float64", features=4, **options):
    """Return a layer with random gamma and beta, and these two."""
    model = Model([kind(input_dim=features, **options)]).assemble(backend, dtype)
    draw = np.random.default_rng(1)
    gamma, beta = model.parameters
    gamma.value, beta.value = draw.normal(size=features), draw.normal(size=features)
    return model.layers[0], gamma, beta


def expected(kind, x, gamma, beta, eps=1e-5):
    axis = AXES[kind] if kind is LayerNormalization else tuple(range(x.ndim - 1))
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps) * gamma + beta


@every_kind
@every_shape
@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_the_output_is_that_of_the_formula(backend, to_numpy, kind, lead, eps):
    layer, gamma, beta = assembled(backend, kind, eps=eps)
    x = np.random.default_rng(2).normal(3.0, 2.0, (*lead, 4))
    y, _ = layer.forward(backend.asarray(x), training=True)
    wanted = expected(kind, x, to_numpy(gamma.value), to_numpy(beta.value), eps)
    np.testing.assert_allclose(to_numpy(y), wanted, rtol=1e-10, atol=1e-12)


@every_kind
@every_shape
@either_mode
def test_the_gradients_are_those_of_finite_differences(xp, backend, to_numpy, finite_differences, kind, lead, training):
    draw = np.random.default_rng(7)
    layer, *parameters = assembled(backend, kind)
    x, upstream = draw.normal(size=(*lead, 4)), backend.asarray(draw.normal(size=(*lead, 4)))
    _, backward = layer.forward(backend.asarray(x), training)
    dx = to_numpy(backward(upstream)).copy()
    analytic = [to_numpy(parameter.gradient).copy() for parameter in parameters]

    def value(point):
        return xp.sum(layer.forward(point, training)[0] * upstream)

    def value_with(parameter, array):
        before = to_numpy(parameter.value).copy()
        parameter.value = array
        result = value(backend.asarray(x))
        parameter.value = before
        return result

    np.testing.assert_allclose(dx, finite_differences(value, x), rtol=1e-6, atol=1e-7)
    for parameter, gradient in zip(parameters, analytic, strict=True):
        start = to_numpy(parameter.value).copy()
        wanted = finite_differences(lambda array, parameter=parameter: value_with(parameter, array), start)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-7)


@every_kind
@either_mode
@every_shape
def test_dtype_device_and_shape_stay_and_nothing_is_overwritten(backend, unchanged, dtype, kind, training, lead):
    layer, gamma, beta = assembled(backend, kind, dtype)
    x, gradient = (backend.asarray(np.random.default_rng(k).normal(size=(*lead, 4)), dtype) for k in range(2))
    with unchanged(x, gradient, gamma.value, beta.value):
        y, backward = layer.forward(x, training)
        with unchanged(y):
            dx = backward(gradient)
    for array in (y, dx):
        assert array.shape == x.shape
    for array in (y, dx, gamma.gradient, beta.gradient):
        assert backend.owns(array)
        assert array.dtype == backend.dtype(dtype)


@every_kind
def test_large_means_and_equal_features_give_finite_outputs_and_gradients(backend, to_numpy, dtype, kind):
    layer, gamma, beta = assembled(backend, kind, dtype)
    x = backend.asarray([[1e6, 1e6, 1e6, 1e6], [1e6, 1e6, 1e6, 1e6 + 1], [0, 0, 0, 0]], dtype)
    y, backward = layer.forward(x, training=True)
    for array in (y, backward(y), gamma.gradient, beta.gradient):
        assert np.all(np.isfinite(to_numpy(array)))


@every_kind
def test_the_inputs_gradient_is_left_out_on_request(backend, to_numpy, kind):
    layer, _, beta = assembled(backend, kind)
    _, backward = layer.forward(backend.asarray(np.eye(4)), training=True)
    assert backward(backend.asarray(np.ones((4, 4))), False) is None
    assert to_numpy(beta.gradient).tolist() == [4.0] * 4


@every_kind
def test_a_batch_without_samples_gives_an_output_without_samples(backend, kind):
    layer, _, _ = assembled(backend, kind)
    assert layer.forward(backend.asarray(np.ones((0, 4))), training=False)[0].shape == (0, 4)


@every_kind
def test_the_parameters_start_as_ones_and_zeros(backend, to_numpy, kind):
    model = Model([Dense(3, input_dim=2), kind()]).assemble(backend)
    gamma, beta = model.parameters[2:]
    assert [gamma.name, beta.name] == [f"/2-{kind.__name__}/gamma", f"/2-{kind.__name__}/beta"]
    assert (to_numpy(gamma.value).tolist(), to_numpy(beta.value).tolist()) == ([1.0] * 3, [0.0] * 3)


@every_kind
def test_the_width_must_be_known_and_fit(backend, kind):
    with pytest.raises(ValueError, match=rf"{kind.__name__}\(.*\) cannot know the width of its input; give it"):
        kind().output_shape(None)
    with pytest.raises(ValueError, match=r"takes samples with a last axis of 4; got samples of shape \(5,\)"):
        kind(input_dim=4).output_shape((5,))
    with pytest.raises(ValueError, match=r"takes samples with at least one axis; got samples of shape \(\)"):
        kind().output_shape(())
    assert kind().output_shape((7, 5)) == (7, 5)
    layer, _, _ = assembled(backend, kind)
    for shape in ((2, 5), (4,)):
        with pytest.raises(ValueError, match="takes inputs of width 4; got an array of shape"):
            layer.forward(backend.asarray(np.ones(shape)), training=False)


@every_kind
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"eps": 0.0}, ValueError, r"`eps` must be greater than 0; got 0\.0"),
        ({"eps": "small"}, TypeError, "`eps` must be"),
        ({"input_dim": 0}, ValueError, "`input_dim` must be 1 or greater; got 0"),
        ({"input_dim": 2.0}, TypeError, "`input_dim` must be an integer"),
    ],
)
def test_wrong_options_are_refused(kind, options, error, words):
    with pytest.raises(error, match=words):
        kind(**options)


@every_kind
def test_a_number_without_a_name_is_refused_as_libraries_differ_in_its_meaning(kind):
    with pytest.raises(TypeError, match="positional argument"):
        kind(64)


@every_kind
def test_config_makes_the_layer_again(kind):
    layer = kind(eps=0.25, input_dim=3)
    assert kind(**layer.config()).config() == layer.config()
    assert repr(layer).startswith(f"{kind.__name__}(eps=0.25")
    layer.eps = 1
    assert layer.config()["eps"] == 1.0


@every_kind
def test_files_of_models_hold_the_layer(backend, kind, tmp_path):
    model = Model([Dense(3, 2, "tanh"), kind(eps=0.1), Dense(1, activation="linear")]).assemble(backend, seed=2)
    model.save(tmp_path / "m")
    again = Model.load(tmp_path / "m", backend)
    x = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_array_equal(backend.to_numpy(again.predict(x)), backend.to_numpy(model.predict(x)))
    assert again.layers[1].eps == 0.1
