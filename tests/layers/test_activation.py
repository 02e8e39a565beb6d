"""Activation as a layer: the output and gradients of Dense's activation, in every place of a model."""

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, Session, activations
from cutedl_xp.layers import Activation, BatchNormalization, Dense
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Adam

every_name = pytest.mark.parametrize("name", activations.ACTIVATIONS)
every_shape = pytest.mark.parametrize("lead", [(), (6,), (2, 3), (2, 1, 2)], ids=str)


def layer_on(backend, activation):
    return Model([Activation(activation)]).assemble(backend, "float64").layers[0]


@every_name
@every_shape
def test_the_gradient_is_that_of_finite_differences(xp, backend, to_numpy, finite_differences, name, lead):
    draw = np.random.default_rng(7)
    layer = layer_on(backend, name)
    x, upstream = draw.normal(size=(3, *lead, 4)), backend.asarray(draw.normal(size=(3, *lead, 4)))
    y, backward = layer.forward(backend.asarray(x), training=True)
    assert y.shape == x.shape
    wanted = finite_differences(lambda point: xp.sum(layer.forward(point, training=True)[0] * upstream), x)
    np.testing.assert_allclose(to_numpy(backward(upstream)), wanted, rtol=1e-7, atol=1e-8)


@every_name
@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 3)], ids=str)
def test_a_model_is_that_with_the_activation_in_dense(backend, to_numpy, name, shape):
    draw = np.random.default_rng(1)
    within = Model([Dense(4, 3, name)]).assemble(backend, "float64")
    behind = Model([Dense(4, 3, "linear"), Activation(name)]).assemble(backend, "float64")
    behind.set_weights(within.weights())
    x, gradient = backend.asarray(draw.normal(size=shape)), backend.asarray(draw.normal(size=(*shape[:-1], 4)))
    for model in (within, behind):
        y, backward = model.forward(x, training=True)
        results = [y, backward(gradient, input_gradient=True), *(each.gradient for each in model.parameters)]
        if model is within:
            wanted = [to_numpy(each).copy() for each in results]
    for result, expected in zip(results, wanted, strict=True):
        np.testing.assert_allclose(to_numpy(result), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("compiled", [None, False])
def test_it_trains_behind_a_batch_normalization(backend, compiled):
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    layers = [Dense(16, 2, "linear"), BatchNormalization(), Activation("relu"), Dense(1, None, "linear")]
    session = Session(Model(layers).assemble(backend, seed=0), loss=Mse(), optimizer=Adam(lr=0.05))
    history = session.fit(Dataset(x, np.abs(x[:, :1]), batch_size=16), 10, compiled=compiled)
    assert history.loss[-1] < history.loss[0] / 4
    reasons = [backend.why_not_compiled(), backend.why_not_by_default()]
    assert bool(session.compiled) is (compiled is None and reasons == [None, None])


def square(xp, x):
    return x * x


def square_backward(xp, x, gradient):
    return 2.0 * x * gradient


SQUARE = activations.Activation(square, square_backward, of_input=True)


def test_own_functions_are_used_and_stay_in_a_session_file(backend, to_numpy, tmp_path):
    model = Model([Dense(2, 2, "linear"), Activation(SQUARE)]).assemble(backend)
    x = np.ones((4, 2), "float32")
    inner = to_numpy(Model([model.layers[0]]).assemble(backend).predict(x))
    np.testing.assert_allclose(to_numpy(model.predict(x)), inner**2, rtol=1e-6)
    session = Session(model, loss=Mse(), optimizer=Adam())
    session.save(tmp_path / "session")
    again = Session.load(tmp_path / "session", backend, custom=[square, square_backward])
    assert again.model.layers[1].activation == SQUARE
    with pytest.raises(TypeError, match="a model file holds plain values, and `activation` of Activation is "):
        model.save(tmp_path / "model")


def test_a_model_file_names_it(backend, to_numpy, tmp_path):
    model = Model([Dense(3, 2, "linear"), Activation("softmax")]).assemble(backend)
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model", backend)
    assert repr(again) == repr(model)
    x = np.ones((4, 2), "float32")
    assert np.array_equal(to_numpy(again.predict(x)), to_numpy(model.predict(x)))


def test_the_activation_can_be_assigned(backend, to_numpy):
    layer = layer_on(backend, "relu")
    layer.activation = "linear"
    assert layer.config() == {"activation": "linear"}
    assert to_numpy(layer.forward(backend.asarray([[-2.0]]), training=False)[0]).tolist() == [[-2.0]]


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="`activation` must be one of 'linear', 'relu'"):
        Activation("step")
    with pytest.raises(TypeError, match="`activation`"):
        Activation(None)
    with pytest.raises(ValueError, match=r"Activation\('softmax'\) takes samples with at least one axis"):
        Activation("softmax").output_shape(())
