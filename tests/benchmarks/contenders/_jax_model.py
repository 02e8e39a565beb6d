"""Parameters, loss and the pure step of both contenders with JAX."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import data


def load(widths: Sequence[int]) -> tuple[Any, Any]:
    """Return images and class numbers on the device, where users keep data that fit."""
    return jnp.asarray(data.float_images(widths[0])), jnp.asarray(data.labels(widths[-1]))


def start(widths: Sequence[int]) -> tuple[Any, Callable[..., Any]]:
    """Return the parameters with the state of Adam, and a function ``(both, x, y) -> (both, loss)``."""
    random = np.random.default_rng(0)
    parameters = [
        (jnp.asarray(random.uniform(-0.1, 0.1, shape), jnp.float32), jnp.zeros(shape[1], jnp.float32))
        for shape in pairwise(widths)
    ]
    adam = optax.adam(data.LEARNING_RATE, data.BETA1, data.BETA2)

    def train_step(both: Any, x: Any, y: Any) -> Any:
        parameters, state = both
        value, gradients = jax.value_and_grad(_loss)(parameters, x, y)
        changes, state = adam.update(gradients, state)
        return (optax.apply_updates(parameters, changes), state), value

    return (parameters, adam.init(parameters)), train_step


def _loss(parameters: Any, x: Any, y: Any) -> Any:
    for weight, bias in parameters[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = parameters[-1]
    return optax.softmax_cross_entropy_with_integer_labels(x @ weight + bias, y).mean()
