"""The minimum work of a training step, in NumPy: gathering the batch and the matrix products."""

from collections.abc import Sequence

import numpy as np

from benchmarks import data
from benchmarks.tasks import RULES
from benchmarks.work import Work
from cutedl_xp.backends import get_backend
from cutedl_xp.bench.floors import count_update_traffic, make_copy, make_products


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Gather a batch and multiply, into preallocated arrays."""
    images, rows = data.float_images(widths[0]), data.row_batches(batch_size)
    batch = np.empty((batch_size, widths[0]), np.float32)
    multiply, _ = make_products(get_backend("numpy"), widths, batch_size, batch)

    def run() -> None:
        np.take(images, next(rows), axis=0, out=batch, mode="clip")  # other modes gather into a copy first
        multiply()

    return Work(run)


def update(rule: str, parameters: int) -> Work:
    """Copy as many bytes as the update reads and writes."""
    copy, _ = make_copy(get_backend("numpy"), count_update_traffic(parameters, RULES[rule]))
    return Work(copy)
