"""Losses traced by ``jax.jit``, and their gradients compared with JAX's."""

import numpy as np
import pytest

from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, Mse, SparseCategoricalCrossentropy

jax = pytest.importorskip("jax")

LOSSES = [
    Mse(),
    BinaryCrossentropy(),
    BinaryCrossentropy(from_logits=False),
    CategoricalCrossentropy(),
    CategoricalCrossentropy(from_logits=False),
    SparseCategoricalCrossentropy(),
]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_loss_can_be_traced_and_its_gradient_is_that_of_jax(loss: Loss) -> None:
    random = np.random.default_rng(0)
    outputs = jax.numpy.asarray(random.uniform(0.1, 0.9, (4, 3)).astype("float32"))
    sparse = isinstance(loss, SparseCategoricalCrossentropy)
    labels = jax.numpy.asarray([0, 2, 1, 1] if sparse else np.eye(3, dtype="float32")[[0, 2, 1, 1]])
    value, gradient = jax.jit(loss)(labels, outputs)
    eager_value, eager_gradient = loss(labels, outputs)
    np.testing.assert_allclose(value, eager_value, rtol=1e-6)
    np.testing.assert_allclose(gradient, eager_gradient, rtol=1e-5, atol=1e-7)
    by_jax = jax.grad(lambda z: loss(labels, z)[0])(outputs)
    np.testing.assert_allclose(gradient, by_jax, rtol=1e-5, atol=1e-6)
