"""The least that a training step contains, in NumPy: gathering the batch and the matrix products, and nothing else."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from benchmarks import data
from benchmarks.tasks import RULES
from benchmarks.work import Work

Product: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]


def step(widths: Sequence[int], batch_size: int) -> Work:
    """All arrays exist before; each product stands for itself, since its values do not change its time."""
    images, rows = data.float_images(widths[0]), data.row_batches(batch_size)
    batch = np.empty((batch_size, widths[0]), np.float32)
    products = [product for layer in _layers(widths, batch) for product in layer]

    def run() -> None:
        np.take(images, next(rows), axis=0, out=batch, mode="clip")  # any other mode gathers into a copy first
        for a, b, out in products:
            np.matmul(a, b, out=out)

    return Work(run)


def _layers(widths: Sequence[int], batch: np.ndarray) -> list[list[Product]]:
    """The operands and the result of each product."""
    random = np.random.default_rng(0)
    layers: list[list[Product]] = []
    for inputs, units in pairwise(widths):
        weight, dz = (random.normal(size=(n, units)).astype(np.float32) for n in (inputs, len(batch)))
        x = random.normal(size=(len(batch), inputs)).astype(np.float32) if layers else batch
        operands = [(x, weight), (x.T, dz), (dz, weight.T)]
        used = operands if layers else operands[:2]  # nobody asks for the images' gradient
        layers.append([(a, b, np.empty((a.shape[0], b.shape[1]), np.float32)) for a, b in used])
    return layers


def update(rule: str, parameters: int) -> Work:
    """A copy that reads and writes as many bytes: w and each state both ways, the gradient one way."""
    moved = (3 + 2 * RULES[rule]) * parameters
    source = np.random.default_rng(0).normal(size=-(-moved // 2)).astype(np.float32)
    target = np.empty_like(source)
    return Work(lambda: np.copyto(target, source))
