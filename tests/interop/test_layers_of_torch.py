"""Activations and losses against PyTorch's, with their gradients."""

import numpy as np
import pytest

from cutedl_xp import activations, losses

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
