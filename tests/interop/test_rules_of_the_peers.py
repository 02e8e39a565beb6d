"""1,000 updates of every rule and option compared with PyTorch, optax and Keras, in float64."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from cutedl_xp.optimizers import Optimizer
from optimizer_table import VARIANTS, Variant

jax = pytest.importorskip("jax")

TOLERANCE = 1e-12
"""Tolerance relative to the distance that an entry has moved."""


def having(peer: str) -> Any:
    """Return the variants whose formula another library has."""
    return pytest.mark.parametrize("variant", [each for each in VARIANTS if getattr(each, peer)], ids=str)


@pytest.fixture(scope="module")
def problem() -> tuple[np.ndarray, list[np.ndarray]]:
    """Return starting values, and 1,000 gradients of very different sizes, some of them 0."""
    random = np.random.default_rng(0)
    sizes = 10.0 ** random.uniform(-3.0, 2.0, (4, 5))
    gradients = [sizes * random.normal(size=(4, 5)) * (random.uniform(size=(4, 5)) > 0.1) for _ in range(1000)]
    return random.normal(size=(4, 5)), gradients


def assert_same_path(optimizer: Optimizer, w: np.ndarray, gradients: Sequence[np.ndarray], theirs: np.ndarray) -> None:
    params, state, travelled = w, optimizer.init(w), np.abs(w)
    for g in gradients:
        before = params
        params, state = optimizer.update(params, g, state)
        travelled = travelled + np.abs(params - before)
    assert (np.abs(params - theirs) <= TOLERANCE * travelled).all()


@having("torch")
def test_pytorch(variant: Variant, problem: tuple[np.ndarray, list[np.ndarray]]) -> None:
    torch = pytest.importorskip("torch")
    w, gradients = problem
    tensor = torch.tensor(w, requires_grad=True)
    assert variant.torch is not None
    optimizer = variant.torch(torch, [tensor])
    for g in gradients:
        tensor.grad = torch.tensor(g)
        optimizer.step()
    assert_same_path(variant.make(), w, gradients, tensor.detach().numpy())


@having("optax")
def test_optax(variant: Variant, problem: tuple[np.ndarray, list[np.ndarray]]) -> None:
    optax = pytest.importorskip("optax")
    w, gradients = problem
    assert variant.optax is not None
    optimizer, params = variant.optax(optax), jax.numpy.asarray(w)
    state = optimizer.init(params)
    step: Callable[..., Any] = jax.jit(optimizer.update)
    for g in gradients:
        updates, state = step(jax.numpy.asarray(g), state, params)
        params = optax.apply_updates(params, updates)
    assert_same_path(variant.make(), w, gradients, np.asarray(params))


@having("keras")
def test_keras(variant: Variant, problem: tuple[np.ndarray, list[np.ndarray]], keras: Any) -> None:
    w, gradients = problem
    assert variant.keras is not None
    optimizer, variable = variant.keras(keras), keras.Variable(w, dtype="float64")
    optimizer.build([variable])
    for g in gradients:
        optimizer.apply([jax.numpy.asarray(g)], [variable])
    assert_same_path(variant.make(), w, gradients, np.asarray(variable.value))
