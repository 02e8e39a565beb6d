"""Wrappers compared with those of PyTorch, optax and Keras, in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp.optimizers import (
    Accumulate,
    Adam,
    AdamW,
    AverageWeights,
    ClipByGlobalNorm,
    ClipByNorm,
    ClipByValue,
    Fixed,
    Frozen,
    Groups,
    Momentum,
    Optimizer,
    SkipNonFinite,
)

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

RANDOM = np.random.default_rng(0)
SHAPES = {"weight": (4, 3), "bias": (3,), "scale": ()}
PARAMS = {name: np.asarray(RANDOM.normal(size=shape)) for name, shape in SHAPES.items()}
GRADIENTS = [
    {name: np.asarray(size * RANDOM.normal(size=shape)) for name, shape in SHAPES.items()}
    for size in 10.0 ** RANDOM.uniform(-2.0, 2.0, 60)
]
GROUPS = {"bias": Momentum(0.01, 0.8), "scale": Frozen(), "*": AdamW(0.02, weight_decay=0.1)}


def on_jax(tree: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: jax.numpy.asarray(array) for name, array in tree.items()}


PEERS: dict[str, tuple[Optimizer, Callable[[], Any]]] = {  # created on demand, in double precision
    "ClipByGlobalNorm": (
        ClipByGlobalNorm(Adam(0.02), 1.5),
        lambda: optax.chain(optax.clip_by_global_norm(1.5), optax.adam(0.02, b2=0.99)),
    ),
    "ClipByValue": (
        ClipByValue(Adam(0.02), 0.5),
        lambda: optax.chain(optax.clip(0.5), optax.adam(0.02, b2=0.99)),
    ),
    "Accumulate": (
        Accumulate(Adam(0.02), 3),
        lambda: optax.MultiSteps(optax.adam(0.02, b2=0.99), 3, accumulator_dtype="float64"),
    ),
    "SkipNonFinite": (
        SkipNonFinite(Adam(0.02)),
        lambda: optax.apply_if_finite(optax.adam(0.02, b2=0.99), 99),
    ),
    "Groups": (
        Groups(GROUPS),
        lambda: optax.partition(
            {
                "bias": optax.sgd(0.01, 0.8),
                "scale": optax.set_to_zero(),
                "weight": optax.adamw(0.02, weight_decay=0.1),
            },
            {name: name for name in SHAPES},
        ),
    ),
}


@pytest.mark.parametrize(("ours", "make"), PEERS.values(), ids=PEERS)
def test_optax(ours: Optimizer, make: Callable[[], Any]) -> None:
    theirs = make()
    params, expected = on_jax(PARAMS), on_jax(PARAMS)
    state, other, update = ours.init(params), theirs.init(expected), jax.jit(theirs.update)
    for number, gradients in enumerate(map(on_jax, GRADIENTS)):
        if isinstance(ours, SkipNonFinite) and number % 7 == 0:
            gradients |= {"bias": gradients["bias"].at[1].set(np.inf)}
        params, state = ours.update(params, gradients, state)
        changes, other = update(gradients, other, expected)
        expected = optax.apply_updates(expected, changes)
    for name in SHAPES:
        np.testing.assert_allclose(params[name], expected[name], rtol=1e-11)


@pytest.fixture
def tensors() -> dict[str, Any]:
    return {name: torch.tensor(w, requires_grad=True) for name, w in PARAMS.items()}


def test_groups_of_pytorch(tensors: dict[str, Any]) -> None:
    tensors["scale"].requires_grad_(False)
    rules = [
        torch.optim.SGD([tensors["bias"]], lr=0.01, momentum=0.8),
        torch.optim.AdamW([tensors["weight"]], lr=0.02, weight_decay=0.1),
    ]
    ours = Groups(GROUPS | {"*": AdamW(0.02, 0.9, 0.999, weight_decay=0.1)})
    params, state = PARAMS, ours.init(PARAMS)
    for gradients in GRADIENTS:
        params, state = ours.update(params, gradients, state)
        for name in ("weight", "bias"):
            tensors[name].grad = torch.tensor(gradients[name])
        for rule in rules:
            rule.step()
    for name, tensor in tensors.items():
        np.testing.assert_allclose(params[name], tensor.detach(), rtol=1e-11)


def test_the_average_of_pytorch(tensors: dict[str, Any]) -> None:
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    averages = [tensor.detach().clone() for tensor in tensors.values()]
    adam = torch.optim.Adam(list(tensors.values()), lr=0.02, betas=(0.9, 0.99))
    ours = AverageWeights(Adam(0.02), 0.9)
    params, state = PARAMS, ours.init(PARAMS)
    for number, gradients in enumerate(GRADIENTS):
        params, state = ours.update(params, gradients, state)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(gradients[name])
        adam.step()
        average(averages, [tensor.detach() for tensor in tensors.values()], number)
    for found, wanted in zip(state["average"].values(), averages, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_the_average_of_keras(keras: Any) -> None:
    theirs = keras.optimizers.SGD(0.02, use_ema=True, ema_momentum=0.9)
    variables = [keras.Variable(w, dtype="float64") for w in PARAMS.values()]
    theirs.build(variables)
    ours = AverageWeights(Fixed(0.02), 0.9)
    params, state = PARAMS, ours.init(PARAMS)
    for number, gradients in enumerate(GRADIENTS):
        params, state = ours.update(params, gradients, state)
        if number == 0:
            state["average"] = params  # the other library's average begins after the first update
        theirs.apply([jax.numpy.asarray(g) for g in gradients.values()], variables)
    theirs.finalize_variable_values(variables)
    for found, variable in zip(state["average"].values(), variables, strict=True):
        np.testing.assert_allclose(found, np.asarray(variable.value), rtol=1e-11)


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
def test_clipping_of_pytorch(kind: Any, clip: Any) -> None:
    """PyTorch adds 1e-6 to its norms."""
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
