"""The article's Adam run with JAX, with an epoch compiled as one loop."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.programs import idx

BATCH = 64


def outputs(parameters: Any, x: Any) -> Any:
    weight, bias = parameters
    return jax.nn.relu(x @ weight + bias)


def loss(parameters: Any, x: Any, y: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(outputs(parameters, x), y).mean()


def train_step(both: Any, x: Any, y: Any) -> Any:
    parameters, state = both
    value, gradients = jax.value_and_grad(loss)(parameters, x, y)
    changes, state = adam.update(gradients, state)
    return (optax.apply_updates(parameters, changes), state), value


def epoch(both: Any, rows: Any, rest: Any, images: Any, labels: Any) -> Any:
    both, values = jax.lax.scan(lambda both, batch: train_step(both, images[batch], labels[batch]), both, rows)
    both, last = train_step(both, images[rest], labels[rest])
    return both, (values.sum() + last) / (len(rows) + 1)


def validate(parameters: Any, x: Any, y: Any) -> Any:
    return loss(parameters, x, y), (outputs(parameters, x).argmax(axis=1) == y).mean()


images, labels, test_images, test_labels = (jnp.asarray(part) for part in idx.load())
random = np.random.default_rng(0)
weight = jnp.asarray(random.uniform(-0.1, 0.1, (784, 10)), jnp.float32)
parameters = weight, jnp.zeros(10, jnp.float32)
adam = optax.adam(1e-4, 0.9, 0.99)
both: Any = (parameters, adam.init(parameters))
compiled_epoch, compiled_validate = jax.jit(epoch, donate_argnums=0), jax.jit(validate)
whole = len(images) // BATCH
history = []
for _ in range(27):
    order = random.permutation(len(images))
    rows, rest = order[: whole * BATCH].reshape(whole, BATCH), order[whole * BATCH :]
    both, train_loss = compiled_epoch(both, rows, rest, images, labels)
    val_loss, val_accuracy = compiled_validate(both[0], test_images, test_labels)
    history.append((float(train_loss), float(val_loss), float(val_accuracy)))
idx.report(27 * (whole + 1), *history[-1][1:])
