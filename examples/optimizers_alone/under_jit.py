"""A network of two layers on JAX: gradients and update are compiled as one step, with a schedule and clipping.

The program requires JAX, and scikit-learn for its 1,797 images of digits.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

import cutedl_xp as cdl

try:
    import jax
    from jax import numpy as jnp
    from sklearn.datasets import load_digits
except ImportError as missing:
    raise SystemExit(f"under_jit.py needs JAX and scikit-learn: pip install jax scikit-learn ({missing})") from missing

Array = Any
Tree = Any

TRAINING = 1_500
"""Number of training images; the others are the test images."""


def starting_params(seed: int) -> Tree:
    """Return a dict of a list of tuples: the parameters for 64 pixels, 32 units and 10 digits."""
    random = np.random.default_rng(seed)
    sizes = [(64, 32), (32, 10)]
    weights = [random.normal(0.0, (2 / size[0]) ** 0.5, size) for size in sizes]
    return {"layers": [(jnp.asarray(weight, dtype="float32"), jnp.zeros(weight.shape[1])) for weight in weights]}


def logits(params: Tree, x: Array) -> Array:
    """Return one logit for each digit."""
    (weight1, bias1), (weight2, bias2) = params["layers"]
    return jax.nn.relu(x @ weight1 + bias1) @ weight2 + bias2


def mean_loss(params: Tree, x: Array, y: Array) -> Array:
    """Return the mean cross-entropy."""
    of_digits = jax.nn.log_softmax(logits(params, x))
    return -jnp.mean(jnp.take_along_axis(of_digits, y[:, None], axis=1))


def compiled_step(optimizer: cdl.optimizers.Optimizer) -> Callable[..., tuple[Tree, Tree]]:
    """Return a compiled training step from parameters, state and a batch to new parameters and state."""

    def step(params: Tree, state: Tree, x: Array, y: Array) -> tuple[Tree, Tree]:
        gradients = jax.grad(mean_loss)(params, x, y)
        return optimizer.update(params, gradients, state)

    compiled: Callable[..., tuple[Tree, Tree]] = jax.jit(step)
    return compiled


def train(
    optimizer: cdl.optimizers.Optimizer, params: Tree, x: np.ndarray, y: np.ndarray, updates: int, seed: int
) -> tuple[Tree, Tree]:
    """Return the parameters and the state after the given number of batches of 64."""
    random = np.random.default_rng(seed)
    step, state = compiled_step(optimizer), optimizer.init(params)
    for _ in range(updates):
        rows = random.integers(len(x), size=64)
        params, state = step(params, state, x[rows], y[rows])
    return params, state


def main() -> None:
    """Train on the first images, and print the loss and accuracy on them and on the others."""
    argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS).parse_args()  # only --help
    images, digits = load_digits(return_X_y=True)
    images = (images / 16.0).astype("float32")

    schedule = cdl.schedules.Warmup(cdl.schedules.Cosine(0.01, updates=950), updates=50)
    optimizer = cdl.optimizers.ClipByGlobalNorm(cdl.optimizers.Adam(schedule), limit=1.0)
    params, state = train(optimizer, starting_params(seed=0), images[:TRAINING], digits[:TRAINING], 1_000, seed=1)

    for name, part in (("training", slice(TRAINING)), ("test", slice(TRAINING, None))):
        loss = mean_loss(params, images[part], digits[part])
        accuracy = (logits(params, images[part]).argmax(axis=1) == digits[part]).mean()
        print(f"{name:8}  loss {loss:.4f}  accuracy {accuracy:.4f}")
    print(f"updates   {state['t']}")


if __name__ == "__main__":
    main()
