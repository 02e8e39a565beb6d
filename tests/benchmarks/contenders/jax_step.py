"""JAX with a loop in Python around a compiled step."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from benchmarks import data
from benchmarks.contenders import _jax_model
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return epochs that wait at their ends, so that steps are dispatched in advance; the step gathers its batch."""
    images, labels = _jax_model.load(widths)
    both, train_step = _jax_model.start(widths)

    def on_rows(both: Any, images: Any, labels: Any, rows: Any) -> Any:
        return train_step(both, images[rows], labels[rows])

    compiled = jax.jit(on_rows, donate_argnums=0)
    random = np.random.default_rng(2)

    def run() -> None:
        nonlocal both
        for rows in data.whole_epoch(random, batch_size):
            both, loss = compiled(both, images, labels, rows)
        loss.block_until_ready()

    return Work(run, steps=data.SAMPLES // batch_size)
