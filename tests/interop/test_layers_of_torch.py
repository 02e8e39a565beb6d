"""Layers, activations and losses compared with PyTorch's, with their gradients."""

import numpy as np
import pytest

from cutedl_xp import Model, activations, losses
from cutedl_xp.layers import BatchNormalization, LayerNormalization

torch = pytest.importorskip("torch")
functional = torch.nn.functional

ACTIVATIONS = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "gelu": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "softplus": functional.softplus,
    "softmax": lambda x: torch.softmax(x, dim=-1),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_gradients(name):
    draw = np.random.default_rng(0)
    x, upstream = draw.normal(size=(6, 5)) * 4, draw.normal(size=(6, 5))
    theirs = torch.tensor(x, requires_grad=True)
    output = ACTIVATIONS[name](theirs)
    output.backward(torch.tensor(upstream))
    own = activations.get(name)
    y = own.function(np, x)
    gradient = own.backward(np, x if own.of_input else y, upstream)
    np.testing.assert_allclose(y, output.detach().numpy(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-6, atol=1e-8)


def test_gelu_is_close_to_the_exact_one():
    x = np.linspace(-6.0, 6.0, 1001)
    exact = functional.gelu(torch.tensor(x)).numpy()
    np.testing.assert_allclose(activations.gelu(np, x), exact, atol=5e-4)


LABELS = np.array([0, 3, 1, 1, 2, 0])
SIGNS = np.where(np.eye(4)[LABELS] > 0, 1.0, -1.0)
LOSSES = {
    "huber": (losses.Huber(0.7), SIGNS, torch.nn.HuberLoss(delta=0.7)),
    "hinge": (losses.Hinge(), SIGNS, lambda p, y: torch.clamp(1 - y * p, min=0).mean()),
    "smoothed": (
        losses.SparseCategoricalCrossentropy(label_smoothing=0.1), LABELS,
        torch.nn.CrossEntropyLoss(label_smoothing=0.1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients(name):
    own, labels, peer = LOSSES[name]
    outputs = np.random.default_rng(3).normal(size=(6, 4)) * 2
    theirs = torch.tensor(outputs, requires_grad=True)
    loss = peer(theirs, torch.tensor(labels))
    loss.backward()
    value, gradient = own(labels, outputs)
    assert float(value) == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-10, atol=1e-15)


def compare_layers(own, theirs, x, upstream, training):
    """Check that the output and all gradients of two layers are equal up to rounding."""
    inputs = torch.tensor(x, requires_grad=True)
    output = theirs(inputs)
    output.backward(torch.tensor(upstream))
    y, backward = own.forward(x, training)
    dx = backward(upstream, input_gradient=True)
    np.testing.assert_allclose(y, output.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dx, inputs.grad.numpy(), rtol=1e-8, atol=1e-11)
    gamma, beta = own.parameters
    np.testing.assert_allclose(gamma.gradient, theirs.weight.grad.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(beta.gradient, theirs.bias.grad.numpy(), rtol=1e-10, atol=1e-12)


def with_parameters_at_random(layer, peer):
    """Return a model of a layer and PyTorch's layer, with the same gamma and beta."""
    model = Model([layer]).assemble("numpy", "float64")
    for parameter, theirs in zip(model.parameters, (peer.weight, peer.bias), strict=True):
        parameter.value = np.random.default_rng(4).normal(size=parameter.value.shape)
        theirs.data = torch.tensor(parameter.value.copy())
    return model


@pytest.mark.parametrize("lead", [(7,), (3, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("eps", [1e-5, 1e-2])
def test_layer_normalization(lead, eps):
    draw = np.random.default_rng(5)
    peer = torch.nn.LayerNorm(6, eps=eps, dtype=torch.float64)
    model = with_parameters_at_random(LayerNormalization(eps=eps, input_dim=6), peer)
    x, upstream = draw.normal(2.0, 3.0, (*lead, 6)), draw.normal(size=(*lead, 6))
    compare_layers(model, peer, x, upstream, training=True)


def test_the_defaults_of_layer_normalization():
    assert torch.nn.LayerNorm(6).eps == LayerNormalization().eps


@pytest.mark.parametrize("momentum", [0.1, 1.0])
@pytest.mark.parametrize("eps", [1e-5, 1e-2])
def test_batch_normalization_with_its_running_statistics(eps, momentum):
    draw = np.random.default_rng(6)
    peer = torch.nn.BatchNorm1d(6, eps=eps, momentum=momentum, dtype=torch.float64)
    model = with_parameters_at_random(BatchNormalization(eps=eps, momentum=momentum, input_dim=6), peer)
    for training in (True, True, False, True, False):
        x, upstream = draw.normal(2.0, 3.0, (9, 6)), draw.normal(size=(9, 6))
        peer.train(training)
        peer.zero_grad()
        compare_layers(model, peer, x, upstream, training)
        mean, variance = (buffer.value for buffer in model.buffers)
        np.testing.assert_allclose(mean, peer.running_mean.numpy(), rtol=1e-12)
        np.testing.assert_allclose(variance, peer.running_var.numpy(), rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization_over_more_axes(training):
    draw = np.random.default_rng(8)
    peer = torch.nn.BatchNorm1d(6, dtype=torch.float64)  # which has the axis of features before other axes
    model = with_parameters_at_random(BatchNormalization(input_dim=6), peer)
    x = draw.normal(2.0, 3.0, (4, 5, 6))
    peer.train(training)
    y, _ = model.forward(x, training)
    output = peer(torch.tensor(x).transpose(1, 2)).transpose(1, 2)
    np.testing.assert_allclose(y, output.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.buffers[1].value, peer.running_var.numpy(), rtol=1e-12)


def test_the_defaults_of_batch_normalization():
    peer, own = torch.nn.BatchNorm1d(6), BatchNormalization()
    assert (peer.eps, peer.momentum) == (own.eps, own.momentum)


def test_a_batch_of_one_sample_is_refused_by_both():
    peer, model = torch.nn.BatchNorm1d(6), Model([BatchNormalization(input_dim=6)]).assemble("numpy")
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        peer(torch.ones(1, 6))
    with pytest.raises(ValueError, match="needs two values for each feature"):
        model.forward(np.ones((1, 6), "float32"), training=True)
