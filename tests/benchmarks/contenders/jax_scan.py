"""JAX with a whole epoch as one compiled loop."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from benchmarks import data
from benchmarks.contenders import _jax_model
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return epochs, whose order NumPy draws, because it is faster."""
    images, labels = _jax_model.load(widths)
    both, train_step = _jax_model.start(widths)

    def epoch(both: Any, images: Any, labels: Any, rows: Any) -> Any:
        return jax.lax.scan(lambda both, batch: train_step(both, images[batch], labels[batch]), both, rows)

    compiled = jax.jit(epoch, donate_argnums=0)
    random = np.random.default_rng(2)

    def run() -> None:
        nonlocal both
        both, losses = compiled(both, images, labels, data.whole_epoch(random, batch_size))
        losses.mean().block_until_ready()

    return Work(run, steps=data.SAMPLES // batch_size)
