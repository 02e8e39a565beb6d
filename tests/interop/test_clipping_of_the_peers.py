"""Clipping beside PyTorch's and optax's, and under ``jax.jit``."""

from typing import Any

import numpy as np
import pytest

from cutedl_xp.optimizers import Adam, ClipByGlobalNorm, ClipByNorm, ClipByValue, Fixed

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

RANDOM = np.random.default_rng(0)
SHAPES = {"weight": (4, 3), "bias": (3,), "scale": ()}
PARAMS = {name: np.asarray(RANDOM.normal(size=shape)) for name, shape in SHAPES.items()}
GRADIENTS = [
    {name: np.asarray(size * RANDOM.normal(size=shape)) for name, shape in SHAPES.items()}
    for size in 10.0 ** RANDOM.uniform(-2.0, 2.0, 50)
]


def on_jax(tree: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: jax.numpy.asarray(array) for name, array in tree.items()}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ClipByGlobalNorm(Adam(0.02), 1.5), optax.chain(optax.clip_by_global_norm(1.5), optax.adam(0.02, b2=0.99))),
        (ClipByValue(Adam(0.02), 0.5), optax.chain(optax.clip(0.5), optax.adam(0.02, b2=0.99))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_optax(ours: Any, theirs: Any) -> None:
    params, expected = on_jax(PARAMS), on_jax(PARAMS)
    state, other = ours.init(params), theirs.init(expected)
    update = jax.jit(ours.update)
    for gradients in map(on_jax, GRADIENTS):
        params, state = update(params, gradients, state)
        changes, other = theirs.update(gradients, other)
        expected = optax.apply_updates(expected, changes)
    for name in SHAPES:
        np.testing.assert_allclose(params[name], expected[name], rtol=1e-11)


def clip_by_value(tensors: list[Any], limit: float) -> None:
    torch.nn.utils.clip_grad_value_(tensors, limit)


def clip_by_norm(tensors: list[Any], limit: float) -> None:
    for tensor in tensors:
        torch.nn.utils.clip_grad_norm_([tensor], limit)


def clip_by_global_norm(tensors: list[Any], limit: float) -> None:
    torch.nn.utils.clip_grad_norm_(tensors, limit)


@pytest.mark.parametrize(
    ("kind", "clip"),
    [(ClipByGlobalNorm, clip_by_global_norm), (ClipByNorm, clip_by_norm), (ClipByValue, clip_by_value)],
)
def test_pytorch(kind: Any, clip: Any) -> None:
    """It adds 1e-6 to its norms."""
    ours = kind(Fixed(1.0), 1.5)
    for gradients in GRADIENTS:
        zeros = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
        given = {name: torch.tensor(g) for name, g in gradients.items()}
        after, _ = ours.update(zeros, given, ours.init(zeros))
        tensors = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES.values()]
        for tensor, g in zip(tensors, gradients.values(), strict=True):
            tensor.grad = torch.tensor(g)
        clip(tensors, 1.5)
        for tensor, found in zip(tensors, after.values(), strict=True):
            np.testing.assert_allclose(found, -tensor.grad, rtol=2e-6)
