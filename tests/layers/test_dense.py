"""Dense: formula, gradients by finite differences, starting values, and errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import Dataset, Model, Session
from cutedl_xp.activations import Activation
from cutedl_xp.layers import Dense
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Fixed

ACTIVATIONS = {
    "linear": lambda z: z,
    "relu": lambda z: z * (z > 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True),
}

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
every_shape = pytest.mark.parametrize("lead", [(), (1,), (6,), (2, 3), (2, 1, 2)], ids=str)


def dense(backend, dtype="float64", units=3, inputs=4, seed=0, **arguments):
    """Return a layer that is bound to a backend, with its weight and bias."""
    model = Model([Dense(units, input_dim=inputs, **arguments)]).assemble(backend, dtype, seed)
    return model.layers[0], *model.parameters


def set_at_random(draw, *parameters):
    for parameter in parameters:
        parameter.value = draw.normal(size=parameter.value.shape)


@every_activation
@given(
    lead=st.lists(st.integers(0, 4), min_size=0, max_size=3).map(tuple),
    inputs=st.integers(1, 5),
    units=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_the_output_is_that_of_the_formula(backend, to_numpy, activation, lead, inputs, units, seed):
    draw = np.random.default_rng(seed)
    layer, weight, bias = dense(backend, units=units, inputs=inputs, activation=activation)
    set_at_random(draw, weight, bias)
    x = draw.normal(size=(*lead, inputs))
    y, backward = layer.forward(backend.asarray(x), training=True)
    z = np.einsum("...i,iu->...u", x, to_numpy(weight.value)) + to_numpy(bias.value)
    assert y.shape == (*lead, units)
    np.testing.assert_allclose(to_numpy(y), ACTIVATIONS[activation](z), rtol=1e-10, atol=1e-12)
    assert backward(y).shape == x.shape


@every_activation
@every_shape
@pytest.mark.parametrize("units", [1, 3])
def test_the_gradients_are_those_of_finite_differences(
    xp, backend, to_numpy, finite_differences, activation, lead, units
):
    draw = np.random.default_rng(7)
    layer, weight, bias = dense(backend, units=units, activation=activation)
    set_at_random(draw, weight, bias)
    x, upstream = draw.normal(size=(*lead, 4)), backend.asarray(draw.normal(size=(*lead, units)))
    _, backward = layer.forward(backend.asarray(x), training=True)
    dx = to_numpy(backward(upstream)).copy()
    analytic = {parameter: to_numpy(parameter.gradient).copy() for parameter in (weight, bias)}

    def value(point):
        return xp.sum(layer.forward(point, training=True)[0] * upstream)

    def value_with(parameter, array):
        before = to_numpy(parameter.value).copy()
        parameter.value = array
        result = value(backend.asarray(x))
        parameter.value = before
        return result

    np.testing.assert_allclose(dx, finite_differences(value, x), rtol=1e-7, atol=1e-8)
    for parameter, gradient in analytic.items():
        start = to_numpy(parameter.value).copy()
        expected = finite_differences(lambda array, parameter=parameter: value_with(parameter, array), start)
        np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8)


@every_activation
def test_large_inputs_give_finite_outputs_and_gradients(backend, to_numpy, dtype, activation):
    layer, weight, bias = dense(backend, dtype, activation=activation)
    x = backend.asarray([[1000.0, -1000, 1000, 1000], [-1000, -1000, 0, -1000]], dtype)
    y, backward = layer.forward(x, training=True)
    for array in (y, backward(y), weight.gradient, bias.gradient):
        assert np.all(np.isfinite(to_numpy(array)))


def test_nan_in_a_sample_stays_visible_in_its_output_alone(backend, to_numpy):
    layer, _, _ = dense(backend)
    y = to_numpy(
        layer.forward(backend.asarray([[1.0, float("nan"), 0, 0], [1.0, 1, 1, 1]], "float64"), training=False)[0]
    )
    assert np.isnan(y).tolist() == [[True] * 3, [False] * 3]


@every_shape
def test_dtype_and_device_stay(backend, dtype, lead):
    layer, weight, bias = dense(backend, dtype)
    y, backward = layer.forward(backend.asarray(np.ones((*lead, 4)), dtype), training=True)
    for array in (y, backward(y), weight.gradient, bias.gradient):
        assert backend.owns(array)
        assert array.dtype == backend.dtype(dtype)


@every_shape
@every_activation
def test_nothing_is_overwritten(backend, unchanged, activation, lead):
    layer, weight, bias = dense(backend, activation=activation)
    x, gradient = backend.asarray(np.ones((*lead, 4))), backend.asarray(np.ones((*lead, 3)))
    with unchanged(x, gradient, weight.value, bias.value):
        y, backward = layer.forward(x, training=True)
        with unchanged(y):
            backward(gradient)


def test_a_backward_belongs_to_its_own_batch(backend, to_numpy):
    layer, weight, _ = dense(backend, activation="linear")
    one, other = backend.asarray(np.full((1, 4), 1.0)), backend.asarray(np.full((2, 4), 5.0))
    _, backward = layer.forward(one, training=True)
    layer.forward(other, training=True)
    backward(backend.asarray(np.ones((1, 3))))
    assert np.all(to_numpy(weight.gradient) == 1.0)


def test_gradients_are_set_and_not_added(backend, to_numpy):
    layer, weight, bias = dense(backend, activation="linear")
    _, backward = layer.forward(backend.asarray(np.ones((2, 4))), training=True)
    for _ in range(2):
        backward(backend.asarray(np.ones((2, 3))))
        assert np.all(to_numpy(weight.gradient) == 2.0)
        assert np.all(to_numpy(bias.gradient) == 2.0)


def test_the_inputs_gradient_is_left_out_on_request(backend, to_numpy):
    layer, weight, _ = dense(backend, activation="linear")
    _, backward = layer.forward(backend.asarray(np.ones((2, 4))), training=True)
    assert backward(backend.asarray(np.ones((2, 3))), False) is None
    assert np.all(to_numpy(weight.gradient) == 2.0)


class TestStart:
    def test_weights_are_spread_evenly_and_biases_are_zero(self, backend, to_numpy, dtype):
        _, weight, bias = dense(backend, dtype, units=100, inputs=784)
        values = to_numpy(weight.value).astype("float64")
        assert values.shape == (784, 100)
        assert values.min() >= -0.1
        assert values.max() < 0.1
        counts, _ = np.histogram(values, bins=10, range=(-0.1, 0.1))
        assert np.all(np.abs(counts - 7840) < 450)
        assert to_numpy(bias.value).tolist() == [0.0] * 100

    @pytest.mark.parametrize("position", [1, 2])
    def test_the_parameters_are_called_after_the_layer_and_its_place(self, backend, position):
        layers = [Dense(2, input_dim=2) for _ in range(position)]
        names = [parameter.name for parameter in Model(layers).assemble(backend).parameters][-2:]
        assert names == [f"/{position}-Dense/weight", f"/{position}-Dense/bias"]

    @pytest.mark.parametrize("name", ["zeros", "ones"])
    def test_initializers_can_be_named(self, backend, to_numpy, name):
        _, weight, bias = dense(backend, weight_initializer=name, bias_initializer=name)
        for parameter in (weight, bias):
            assert np.all(to_numpy(parameter.value) == (1.0 if name == "ones" else 0.0))

    def test_initializers_can_be_functions(self, backend, to_numpy):
        def count(stream, shape):
            return np.arange(float(np.prod(shape))).reshape(shape)

        _, weight, bias = dense(backend, weight_initializer=count, bias_initializer=count)
        assert to_numpy(weight.value).ravel().tolist() == list(range(12))
        assert to_numpy(bias.value).tolist() == [0.0, 1.0, 2.0]

    def test_an_initializer_of_another_shape_is_refused_with_the_parameters_name(self, backend):
        layer = Dense(3, input_dim=4, bias_initializer=lambda stream, shape: np.zeros(7))
        with pytest.raises(ValueError, match=r"the value of '/1-Dense/bias' has shape \(3,\); got one of shape \(7,\)"):
            Model([layer]).assemble(backend)


class TestShapes:
    @pytest.mark.parametrize(
        ("input_dim", "given_shape", "shape"),
        [(None, (4,), (3,)), (4, (4,), (3,)), (4, None, (3,)), (None, (7, 5, 4), (7, 5, 3)), (4, (0, 4), (0, 3))],
    )
    def test_the_last_axis_becomes_the_units(self, input_dim, given_shape, shape):
        layer = Dense(3, input_dim)
        assert layer.output_shape(given_shape) == shape
        specs = layer.parameter_specs(given_shape)
        assert {name: spec.shape for name, spec in specs.items()} == {"weight": (4, 3), "bias": (3,)}

    def test_an_unknown_width_is_an_error(self):
        with pytest.raises(
            ValueError, match=r"Dense\(units=3, .*\) cannot know the width of its input; give it `input_dim`"
        ):
            Dense(3).output_shape(None)

    @pytest.mark.parametrize(
        ("input_dim", "given_shape", "words"),
        [
            (4, (5,), r"takes samples with a last axis of 4; got samples of shape \(5,\)"),
            (4, (4, 5), r"takes samples with a last axis of 4; got samples of shape \(4, 5\)"),
            (4, (), r"takes samples with a last axis of 4; got samples of shape \(\)"),
            (None, (), r"takes samples with at least one axis; got samples of shape \(\)"),
        ],
    )
    def test_samples_that_do_not_fit_are_refused(self, input_dim, given_shape, words):
        with pytest.raises(ValueError, match=words):
            Dense(3, input_dim).output_shape(given_shape)

    @pytest.mark.parametrize("shape", [(2, 5), (5,), (4, 1), (2, 4, 2)])
    def test_a_batch_of_another_width_is_refused(self, backend, shape):
        layer, _, _ = dense(backend)
        with pytest.raises(
            ValueError, match=r"Dense\(units=3, input_dim=4, .*\) takes inputs of width 4; got an array"
        ) as e:
            layer.forward(backend.asarray(np.ones(shape)), training=False)
        assert str(shape) in str(e.value)


@pytest.mark.parametrize("argument", ["units", "input_dim"])
@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (0, ValueError, "must be 1 or greater; got 0"),
        (-4, ValueError, "must be 1 or greater; got -4"),
        (2.0, TypeError, r"must be an integer; got 2\.0 \(float\)"),
        ("10", TypeError, r"must be an integer; got '10' \(str\)"),
        (True, TypeError, r"must be an integer; got True \(bool\)"),
    ],
)
def test_a_bad_size_is_refused_when_constructed(argument, value, error, words):
    with pytest.raises(error, match=f"`{argument}` {words}"):
        Dense(**{"units": 3, argument: value})


@pytest.mark.parametrize("argument", ["activation", "weight_initializer", "bias_initializer"])
@pytest.mark.parametrize(("value", "error"), [("unknown", ValueError), (None, TypeError), (3, TypeError)])
def test_a_bad_name_is_refused_when_constructed(argument, value, error):
    if (argument, value) == ("activation", None):
        assert Dense(3, activation=None).activation is None
        return
    with pytest.raises(error, match=f"`{argument}` must be one of '.*'; got {value!r}"):
        Dense(3, **{argument: value})


@pytest.mark.parametrize("name", ["units", "input_dim", "weight_initializer", "bias_initializer"])
def test_arguments_that_parameters_were_made_from_are_not_assigned(name):
    layer = Dense(3, 4)
    with pytest.raises(AttributeError, match=f"^`{name}` of Dense cannot be assigned; make a new Dense$"):
        setattr(layer, name, getattr(layer, name))
    assert layer.config() == Dense(3, 4).config()


def test_an_activation_that_is_assigned_is_used(backend, to_numpy):
    layer, _, _ = dense(backend, activation="linear")
    other, _, _ = dense(backend, activation="tanh")
    x = backend.asarray(np.linspace(-1.0, 1.0, 8).reshape(2, 4))
    layer.activation = "tanh"
    np.testing.assert_array_equal(to_numpy(layer.forward(x, False)[0]), to_numpy(other.forward(x, False)[0]))
    with pytest.raises(ValueError, match="`activation` must be one of 'linear'"):
        layer.activation = "swish"
    assert layer.config()["activation"] == "tanh"


def test_the_default_activation_is_relu(backend, to_numpy):
    default, _, _ = dense(backend)
    relu, _, _ = dense(backend, activation="relu")
    x = backend.asarray(np.linspace(-1.0, 1.0, 8).reshape(2, 4))
    found = to_numpy(default.forward(x, False)[0])
    np.testing.assert_array_equal(found, to_numpy(relu.forward(x, False)[0]))
    assert (found == 0.0).any()
    assert (found > 0.0).any()
    assert (default.activation, default.config()["activation"], relu.config()["activation"]) == (None, None, "relu")
    relu.activation = None
    assert relu.config() == default.config() == Dense(**default.config()).config()


def test_numpy_integers_are_taken_and_kept_as_plain_ones():
    layer = Dense(np.int64(3), np.uint8(4))
    assert [type(size) for size in (layer.units, layer.input_dim)] == [int, int]


def test_config_makes_the_layer_again():
    layer = Dense(3, 4, "tanh", "he_normal", "ones")
    assert layer.config() == {
        "units": 3, "input_dim": 4, "activation": "tanh", "weight_initializer": "he_normal", "bias_initializer": "ones",
    }  # fmt: skip
    assert Dense(**layer.config()).config() == layer.config()
    assert repr(layer) == "Dense(units=3, input_dim=4, activation='tanh')"


def test_config_leaves_out_initializers_that_are_functions():
    layer = Dense(3, 4, weight_initializer=lambda stream, shape: np.zeros(shape))
    assert layer.config() == {"units": 3, "input_dim": 4, "activation": None, "bias_initializer": "zeros"}


def cube(xp, x):
    return x * x * x


def cube_backward(xp, x, gradient):
    return 3.0 * x * x * gradient


def row_share(xp, x):
    return x / xp.sum(x, axis=-1, keepdims=True)


def row_share_backward(xp, x, gradient):
    total = xp.sum(x, axis=-1, keepdims=True)
    return gradient / total - xp.sum(gradient * x, axis=-1, keepdims=True) / (total * total)


class TestOwnActivation:
    @pytest.mark.parametrize(
        "own",
        [Activation(cube, cube_backward, of_input=True), Activation(row_share, row_share_backward, True, False)],
        ids=["cube", "row_share"],
    )
    def test_its_gradient_is_that_of_finite_differences(self, xp, backend, to_numpy, finite_differences, own):
        layer, weight, bias = dense(backend, activation=own)
        draw = np.random.default_rng(2)
        weight.value, bias.value = draw.uniform(0.5, 1, (4, 3)), np.ones(3)
        x, upstream = draw.uniform(0.5, 1, (5, 4)), backend.asarray(draw.normal(size=(5, 3)))
        _, backward = layer.forward(backend.asarray(x), training=True)
        dx = to_numpy(backward(upstream))
        expected = finite_differences(lambda point: xp.sum(layer.forward(point, training=True)[0] * upstream), x)
        np.testing.assert_allclose(dx, expected, rtol=1e-7, atol=1e-8)

    def test_a_model_file_does_not_hold_it(self, tmp_path):
        model = Model([Dense(2, 2, Activation(cube, cube_backward, of_input=True))]).assemble("numpy")
        with pytest.raises(TypeError, match="a model file holds plain values, and `activation` of Dense is Activation"):
            model.save(tmp_path / "m")

    def test_a_session_file_names_its_functions(self, backend, tmp_path):
        own = Activation(cube, cube_backward, of_input=True)
        model = Model([Dense(2, 2, own)]).assemble(backend)
        session = Session(model, loss=Mse(), optimizer=Fixed(0.1))
        session.save(tmp_path / "s")
        with pytest.raises(ValueError, match="the function 'cube' is not one of the library's; give it in `custom`"):
            Session.load(tmp_path / "s", backend)
        again = Session.load(tmp_path / "s", backend, custom=[cube, cube_backward])
        assert again.model.layers[0].activation == own

    def test_it_trains(self, backend):
        x = np.linspace(-1.0, 1.0, 64, dtype="float32").reshape(64, 1)
        model = Model([Dense(4, 1, Activation(cube, cube_backward, of_input=True)), Dense(1, None, "silu")])
        session = Session(model.assemble(backend, seed=1), loss=Mse(), optimizer=Fixed(0.1))
        history = session.fit(Dataset(x, x * x, batch_size=16), epochs=20)
        assert history.loss[-1] < history.loss[0]
