"""Models: seeds, the flat buffers, predictions, gradients of several layers together, the summary."""

from copy import copy
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import Model, get_backend
from cutedl_xp.layers import Dense, Dropout, Flatten, Layer, ParameterSpec
from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, Mse, SparseCategoricalCrossentropy

# If these values change, all published runs of a seed change: describe it in the changelog.
FIRST_WEIGHTS_OF_SEED_0 = [0.094730265, -0.080605976, -0.043385424]


def small():
    return Model([Dense(5, input_dim=4, activation="tanh"), Dropout(0.5), Dense(3, activation="linear")])


def weights(model):
    return {parameter.name: model.backend.to_numpy(parameter.value).copy() for parameter in model.parameters}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture
def model(backend, dtype):
    return small().assemble(backend, dtype, seed=0)


class TestSeed:
    def test_one_seed_gives_the_same_weights_again_and_on_numpy(self, backend, dtype):
        model = small().assemble(backend, dtype, seed=7)
        assert same(weights(model), weights(small().assemble(backend, dtype, seed=7)))
        assert same(weights(model), weights(small().assemble("numpy", dtype, seed=7)))
        assert same(weights(model), weights(model.assemble(backend, dtype, seed=7)))

    def test_other_seeds_give_others(self, backend):
        drawn = [weights(small().assemble(backend, seed=seed))["/1-Dense/weight"] for seed in (0, 1, 2)]
        assert not np.any(drawn[0] == drawn[1])
        assert not np.any(drawn[1] == drawn[2])

    def test_layers_of_one_shape_start_differently(self, backend):
        drawn = weights(Model([Dense(4, input_dim=4), Dense(4)]).assemble(backend))
        assert not np.any(drawn["/1-Dense/weight"] == drawn["/2-Dense/weight"])

    def test_both_dtypes_start_alike(self, backend):
        double, single = (weights(small().assemble(backend, dtype)) for dtype in ("float64", "float32"))
        assert same({name: value.astype("float32") for name, value in double.items()}, single)

    def test_a_seed_means_the_same_weights_in_every_version(self, backend, to_numpy):
        model = Model([Dense(10, input_dim=784)]).assemble(backend, seed=0)
        first = to_numpy(model.parameters[0].value)[0, :3]
        np.testing.assert_allclose(first, FIRST_WEIGHTS_OF_SEED_0, rtol=1e-6)


class TestAssemble:
    def test_without_arguments_it_is_float32_on_numpy_with_seed_0(self):
        model = small()
        assert model.assemble() is model
        assert model.backend == get_backend("numpy")
        assert model.dtype == np.float32
        assert same(weights(model), weights(small().assemble("numpy", "float32", 0)))

    def test_dtypes_of_the_library_and_of_numpy_are_taken(self, backend, xp, dtype):
        for given_dtype in (dtype, getattr(xp, dtype), np.dtype(dtype), getattr(np, dtype)):
            model = small().assemble(backend, given_dtype)
            assert model.dtype == model.parameters.flat.value.dtype == getattr(xp, dtype)

    @pytest.mark.parametrize("dtype", ["float16", "int32", "double", None, int, 3])
    def test_other_dtypes_are_refused(self, backend, dtype):
        with pytest.raises(ValueError, match="`dtype` must be one of 'float32', 'float64'; got"):
            small().assemble(backend, dtype)

    @pytest.mark.parametrize(
        ("seed", "error", "words"),
        [
            (-1, ValueError, "`seed` must be 0 or greater; got -1"),
            (1.0, TypeError, r"`seed` must be an integer; got 1\.0 \(float\)"),
            (None, TypeError, "`seed` must be an integer; got None"),
            (True, TypeError, "`seed` must be an integer; got True"),
        ],
    )
    def test_a_bad_seed_is_refused(self, seed, error, words):
        with pytest.raises(error, match=words):
            small().assemble(seed=seed)

    def test_layers_that_do_not_fit_each_other_are_refused(self):
        with pytest.raises(ValueError, match=r"Dense\(units=2, input_dim=5, .* a last axis of 5; got .* \(3,\)"):
            Model([Dense(3, input_dim=4), Dense(2, input_dim=5)]).assemble()

    @pytest.mark.parametrize("layers", [[Dense(3)], [Flatten(), Dense(3)], [Dropout(0.5), Dense(3)]], ids=repr)
    def test_an_unknown_width_is_an_error(self, layers):
        with pytest.raises(ValueError, match="give it `input_dim`"):
            Model(layers).assemble()

    def test_a_failure_leaves_the_model_unchanged(self, backend):
        model = small().assemble(backend, seed=1)
        before, parameters = weights(model), model.parameters
        with pytest.raises(ValueError, match="dtype"):
            model.assemble(backend, "float16")
        assert model.parameters is parameters
        assert same(weights(model), before)

    def test_before_it_there_are_no_parameters_nor_predictions(self, tmp_path):
        model = small()
        for use in (
            lambda: model.parameters,
            lambda: model.backend,
            lambda: model.predict(np.ones((1, 4))),
            lambda: model.summary(),
            lambda: model.forward(np.ones((1, 4)), training=False),
            lambda: model.save(tmp_path / "m.safetensors"),
        ):
            with pytest.raises(RuntimeError, match=r"not assembled yet; call model\.assemble\("):
                use()
        assert list(tmp_path.iterdir()) == []


class TestConstruction:
    @pytest.mark.parametrize("layer", [5, "Dense", None, Dense])
    def test_values_other_than_layers_are_refused(self, layer):
        with pytest.raises(TypeError, match=r"`layers` must be layers such as Dense\(10\); got "):
            Model([Flatten(), layer])

    def test_no_layer_is_refused(self):
        with pytest.raises(ValueError, match="`layers` is empty"):
            Model([])

    def test_one_layer_twice_is_refused(self):
        layer = Dense(4, input_dim=4)
        with pytest.raises(ValueError, match="`layers` has the same object twice"):
            Model([layer, Flatten(), layer])

    def test_repr_shows_the_layers(self):
        assert repr(Model([Flatten(), Dropout(0.5)])) == "Model([Flatten(), Dropout(keep_prob=0.5)])"


class TestParameters:
    def test_they_are_named_after_their_layer_and_lie_in_the_flat_buffers_weights_first(self, model, backend, to_numpy):
        names = ["/1-Dense/weight", "/1-Dense/bias", "/3-Dense/weight", "/3-Dense/bias"]
        assert [parameter.name for parameter in model.parameters] == names
        assert [parameter.value.shape for parameter in model.parameters] == [(4, 5), (5,), (5, 3), (3,)]
        in_memory = [*model.parameters[::2], *model.parameters[1::2]]
        flat = np.concatenate([to_numpy(parameter.value).ravel() for parameter in in_memory])
        assert np.array_equal(to_numpy(model.parameters.flat.value), flat)
        for parameter in model.parameters:
            assert backend.owns(parameter.value)
            assert backend.owns(parameter.gradient)
            assert parameter.value.dtype == parameter.gradient.dtype == model.dtype

    def test_gradients_are_zeros_at_first(self, model, to_numpy):
        assert np.all(to_numpy(model.parameters.flat.gradient) == 0)
        assert model.parameters.flat.gradient.shape == model.parameters.flat.value.shape

    @pytest.mark.parametrize("what", ["value", "gradient"])
    @pytest.mark.views
    def test_assigning_copies_into_the_same_memory(self, model, backend, to_numpy, what):
        parameter = model.parameters[2]
        array, source = getattr(parameter, what), backend.asarray(np.full((5, 3), 2.5), model.dtype)
        setattr(parameter, what, source)
        assert getattr(parameter, what) is array
        buffer = to_numpy(model.parameters.flat.value if what == "value" else model.parameters.flat.gradient)
        assert np.all(buffer[20:35] == 2.5)  # after the 20 entries of the other weight
        assert not np.any(np.concatenate([buffer[:20], buffer[35:]]) == 2.5)
        source[...] = 9.0
        assert np.all(to_numpy(getattr(parameter, what)) == 2.5)

    @pytest.mark.parametrize("what", ["value", "gradient"])
    def test_numpy_arrays_of_another_dtype_are_converted(self, model, to_numpy, what):
        setattr(model.parameters[1], what, np.arange(5))
        assert getattr(model.parameters[1], what).dtype == model.dtype
        assert to_numpy(getattr(model.parameters[1], what)).tolist() == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("what", ["value", "gradient"])
    @pytest.mark.parametrize("shape", [(), (1,), (5, 1), (4,)])
    def test_another_shape_is_refused_and_not_broadcast(self, model, to_numpy, what, shape):
        before = to_numpy(getattr(model.parameters[1], what)).copy()
        with pytest.raises(ValueError, match=rf"the {what} of '/1-Dense/bias' has shape \(5,\); got one of shape \("):
            setattr(model.parameters[1], what, np.ones(shape))
        assert np.array_equal(to_numpy(getattr(model.parameters[1], what)), before)

    @pytest.mark.views
    def test_writing_in_place_changes_predictions(self, model, to_numpy):
        x = np.ones((2, 4))
        model.parameters[2].value[...] = 0.0
        model.parameters[3].value[1] = 7.0
        assert to_numpy(model.predict(x)).tolist() == [[0, 7, 0]] * 2
        model.parameters.flat.value[...] = 0.0
        assert np.all(to_numpy(model.predict(x)) == 0)

    def test_assigning_changes_predictions(self, model, to_numpy):
        model.parameters[2].value = np.zeros((5, 3))
        model.parameters[3].value = np.asarray([1.0, 2.0, 3.0])
        assert to_numpy(model.predict(np.ones((1, 4)))).tolist() == [[1, 2, 3]]

    def test_a_model_without_any(self, backend, to_numpy):
        model = Model([Flatten()]).assemble(backend)
        assert len(model.parameters) == 0
        assert model.parameters.flat.value.shape == (0,)
        assert model.predict(np.ones((2, 3, 4))).shape == (2, 12)


class TestPredict:
    @pytest.mark.parametrize("input_dtype", ["float32", "float64", "uint8", "int64", "bool"])
    def test_numpy_and_backend_arrays_of_every_dtype_give_the_same(self, model, backend, to_numpy, input_dtype):
        x = np.asarray([[0, 1, 1, 0], [1, 0, 1, 1]]).astype(input_dtype)
        expected = model.predict(x.astype(model_dtype := str(to_numpy(model.parameters.flat.value).dtype)))
        for given_x in (x, backend.asarray(x), backend.asarray(x, model_dtype)):
            y = model.predict(given_x)
            assert backend.owns(y)
            assert y.dtype == model.dtype
            assert np.array_equal(to_numpy(y), to_numpy(expected))

    def test_lists_are_taken(self, model, to_numpy):
        x = [[0.5, 1.0, 0.25, 0.0]]
        assert np.array_equal(to_numpy(model.predict(x)), to_numpy(model.predict(np.asarray(x))))

    @given(lead=st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple))
    def test_every_number_of_samples_and_axes(self, backend, lead):
        model = small().assemble(backend)
        assert model.predict(np.zeros((*lead, 4))).shape == (*lead, 3)

    def test_there_is_no_training_behaviour(self, model, to_numpy):
        x = np.random.default_rng(0).normal(size=(3, 4))
        first, second, third = (to_numpy(model.predict(x)) for _ in range(3))
        assert np.array_equal(first, second)
        assert np.array_equal(second, third)

    def test_nothing_is_overwritten(self, model, backend, unchanged):
        x = backend.asarray(np.ones((3, 4)), model.dtype)
        with unchanged(x, model.parameters.flat.value, model.parameters.flat.gradient):
            model.predict(x)

    def test_nan_stays_visible(self, model, to_numpy):
        y = to_numpy(model.predict(np.asarray([[1.0, np.nan, 0, 0], [1.0, 1, 1, 1]])))
        assert np.isnan(y).all(axis=1).tolist() == [True, False]

    @pytest.mark.parametrize("shape", [(3, 5), (3, 3), (4, 1), (3, 4, 2), (4,)])
    def test_a_wrong_width_is_refused(self, model, shape):
        with pytest.raises(ValueError, match=r"Dense\(units=5, input_dim=4, .*\) takes .* 4; got .* of shape \("):
            model.predict(np.zeros(shape))

    def test_an_array_without_axes_is_refused(self, model):
        with pytest.raises(ValueError, match=r"`x` must have a first axis of samples; got an array of shape \(\)"):
            model.predict(np.asarray(3.0))

    def test_an_array_of_another_library_or_device_is_refused(self, backend):
        strangers = [get_backend(f"array_api_strict:{name}") for name in ("CPU_DEVICE", "device1", "device2")]
        model = small().assemble(backend)
        for stranger in strangers:
            if stranger != backend:
                with pytest.raises(TypeError, match=r"`x` is an array_api_strict array .*to_numpy\(\) first"):
                    model.predict(stranger.asarray(np.zeros((1, 4))))

    @pytest.mark.parametrize(
        ("x", "error"),
        [(None, TypeError), ("four", TypeError), ([[1.0], [1.0, 2.0]], ValueError), ([["a"]], TypeError)],
    )
    def test_values_other_than_arrays_are_refused(self, model, x, error):
        with pytest.raises(error, match="`x` must be"):
            model.predict(x)


LOSSES = {
    "mse": (Mse(), lambda draw, shape: draw.normal(size=shape)),
    "binary": (BinaryCrossentropy(), lambda draw, shape: draw.uniform(size=shape)),
    "categorical": (CategoricalCrossentropy(), lambda draw, shape: draw.uniform(size=shape)),
    "sparse": (SparseCategoricalCrossentropy(), lambda draw, shape: draw.integers(0, shape[-1], shape[:-1])),
}
MODELS = {
    "one layer": lambda: [Flatten(), Dense(3, input_dim=6, activation="linear")],
    "several": lambda: [Flatten(), Dense(5, 6, "tanh"), Dense(4, None, "sigmoid"), Dense(3, None, "linear")],
    "dropout": lambda: [Dropout(0.8), Flatten(), Dense(5, 6, "relu"), Dropout(0.7), Dense(3, None, "linear")],
    "samples of two axes": lambda: [Dense(4, 3, "relu"), Dense(4, None, "tanh"), Dense(2, None, "sigmoid")],
}


class TestGradients:
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("layers", MODELS)
    def test_of_whole_models_are_those_of_finite_differences(self, backend, to_numpy, finite_differences, layers, loss):
        loss, labels = LOSSES[loss]
        draw = np.random.default_rng(3)
        x = backend.asarray(draw.normal(size=(4, 2, 3)))

        def at(flat, x):
            """Return a new model with these parameters, whose dropout draws the same masks again."""
            model = Model(MODELS[layers]()).assemble(backend, "float64", seed=2)
            model.parameters.flat.value = flat
            return model, *model.forward(x, training=True)

        size = sum(prod(w.value.shape) for w in Model(MODELS[layers]()).assemble(backend).parameters)
        flat = backend.asarray(draw.normal(size=size))
        model, output, backward = at(flat, x)
        y = backend.asarray(labels(draw, output.shape))
        dx = to_numpy(backward(loss(y, output)[1], input_gradient=True))
        expected = finite_differences(lambda point: loss(y, at(point, x)[1])[0], to_numpy(flat))
        np.testing.assert_allclose(to_numpy(model.parameters.flat.gradient), expected, rtol=1e-6, atol=1e-8)
        expected = finite_differences(lambda point: loss(y, at(flat, point)[1])[0], to_numpy(x))
        np.testing.assert_allclose(dx, expected, rtol=1e-6, atol=1e-8)

    @pytest.mark.views
    def test_they_are_written_into_the_flat_buffer(self, model, backend, to_numpy):
        buffer, views = model.parameters.flat.gradient, [parameter.gradient for parameter in model.parameters]
        y, backward = model.forward(backend.asarray(np.ones((6, 4)), model.dtype), training=True)
        backward(y)
        assert model.parameters.flat.gradient is buffer
        for parameter, view in zip(model.parameters, views, strict=True):
            assert parameter.gradient is view
        in_memory = [*model.parameters[::2], *model.parameters[1::2]]  # all weights, then all biases
        flat = np.concatenate([to_numpy(parameter.gradient).ravel() for parameter in in_memory])
        assert np.array_equal(to_numpy(buffer), flat)
        assert np.all(flat[-3:] != 0)

    def test_gradients_of_an_empty_batch_are_zero(self, model, backend, to_numpy):
        y, backward = model.forward(backend.asarray(np.ones((0, 4)), model.dtype), training=True)
        assert y.shape == (0, 3)
        assert backward(y, input_gradient=True).shape == (0, 4)
        assert np.all(to_numpy(model.parameters.flat.gradient) == 0)

    def test_forward_leaves_nothing_behind(self, model, backend, to_numpy):
        x = backend.asarray(np.random.default_rng(0).normal(size=(6, 4)), model.dtype)
        y, backward = model.forward(x, training=True)
        model.forward(x * 3.0, training=True)
        backward(y)
        first = to_numpy(model.parameters.flat.gradient).copy()
        model.parameters.flat.gradient = np.full(first.shape, 5.0)
        backward(y)
        assert np.array_equal(to_numpy(model.parameters.flat.gradient), first)


class Noted(Layer):
    """A layer that returns its input, and records the requested gradients."""

    def __init__(self, trained):
        self.trained, self.asked = trained, []

    def output_shape(self, input_shape):
        return input_shape

    def parameter_specs(self, input_shape):
        return {"scale": ParameterSpec((), lambda stream, shape: np.ones(shape))} if self.trained else {}

    def forward(self, x, training):
        def backward(gradient, input_gradient=True):
            self.asked.append(input_gradient)
            return gradient if input_gradient else None

        return x, backward

    def config(self):
        return {"trained": self.trained}


class TestGradientOfTheInput:
    @pytest.mark.parametrize(
        ("trained", "asked"),
        [
            ([True, True], [[False], [True]]),
            ([False, True, False, True], [[], [False], [True], [True]]),
            ([True, False], [[False], [True]]),
            ([False, False], [[], []]),
        ],
    )
    def test_no_more_is_computed_than_the_first_trained_layer_needs(self, backend, trained, asked):
        model = Model([Noted(each) for each in trained]).assemble(backend)
        y, backward = model.forward(backend.asarray([[1.0, 2.0]]), training=True)
        assert backward(y) is None
        assert [layer.asked for layer in model.layers] == asked

    def test_it_is_available_on_request(self, backend):
        model = Model([Noted(False), Noted(True), Noted(True)]).assemble(backend)
        x = backend.asarray([[1.0, 2.0]])
        y, backward = model.forward(x, training=True)
        assert backward(y, input_gradient=True) is x
        assert [layer.asked for layer in model.layers] == [[True]] * 3

    def test_the_parameters_gradients_are_the_same_with_it(self, model, backend, to_numpy):
        x = backend.asarray(np.random.default_rng(0).normal(size=(6, 4)), model.dtype)
        y, backward = model.forward(x, training=True)
        backward(y)
        without = to_numpy(model.parameters.flat.gradient).copy()
        assert backward(y, input_gradient=True).shape == (6, 4)
        assert np.array_equal(to_numpy(model.parameters.flat.gradient), without)


class TestOutputShape:
    @pytest.mark.parametrize(
        ("layers", "sample", "shape"),
        [
            ([Dense(3, 4)], None, (3,)),
            ([Dense(3, 4)], (7, 4), (7, 3)),
            ([Flatten(), Dense(3, 12)], (3, 4), (3,)),
            ([Flatten(), Dropout(0.5)], None, None),
            ([Flatten(), Dense(3)], (2, 2), (3,)),
        ],
    )
    def test_it_follows_the_layers(self, layers, sample, shape):
        assert Model(layers).output_shape(sample) == shape

    def test_samples_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match=r"takes samples with a last axis of 12; got samples of shape \(9,\)"):
            Model([Flatten(), Dense(3, 12)]).output_shape((3, 3))


def test_summary(backend):
    layers = [Flatten(), Dense(1000, input_dim=784), Dropout(0.5), Dense(10, activation="linear")]
    assert Model(layers).assemble(backend).summary() == "\n".join(
        [
            "layer      output    parameters",
            "1-Flatten  as given           0",
            "2-Dense    (1000,)      785,000",
            "3-Dropout  (1000,)            0",
            "4-Dense    (10,)         10,010",
            "total                   795,010",
        ]
    )


def test_summary_does_not_mix_up_layers_1_and_10(backend):
    model = Model([Dense(1, input_dim=1), *(Dense(1) for _ in range(10))]).assemble(backend)
    counts = [line.split()[-1] for line in model.summary().splitlines()[1:]]
    assert counts == ["2"] * 11 + ["22"]


def test_a_summary_is_a_str_that_shows_as_a_table(backend):
    summary = Model([Dense(2, input_dim=1)]).assemble(backend).summary()
    assert isinstance(summary, str)
    assert repr(summary) == str(summary)
    html = summary._repr_html_()
    assert html.startswith("<table>")
    assert "<tr><td>1-Dense</td><td>(2,)</td><td>4</td></tr>" in html
    assert copy(summary).rows == summary.rows == (("1-Dense", "(2,)", "4"), ("total", "", "4"))


def test_own_layers_fit_in(backend, to_numpy):
    class Scale(Layer):
        def output_shape(self, input_shape):
            return input_shape

        def parameter_specs(self, input_shape):
            return {"factor": ParameterSpec((), lambda stream, shape: stream.uniform(shape, 2.0, 2.0))}

        def bind(self, parameters, backend, stream):
            self.factor, self.xp = parameters["factor"], backend.xp

        def forward(self, x, training):
            def backward(gradient, input_gradient=True):
                self.factor.gradient = self.xp.sum(gradient * x)
                return gradient * self.factor.value

            return x * self.factor.value, backward

        def config(self):
            return {}

    model = Model([Scale()]).assemble(backend)
    assert model.parameters[0].name == "/1-Scale/factor"
    y, backward = model.forward(backend.asarray([[1.0, 3.0]]), training=True)
    assert to_numpy(y).tolist() == [[2.0, 6.0]]
    backward(y)
    assert float(to_numpy(model.parameters[0].gradient)) == 20.0
