"""Least work of a task: the matrix products of a training step, and the memory traffic of an update."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend

Work: TypeAlias = Callable[[], object]
"""Function to time. The caller keeps its result until the device has finished."""

DTYPE = "float32"
ITEMSIZE = 4


def repeated(work: Work) -> Callable[[int], object]:
    """Return a function of a number that calls ``work`` that number of times and returns the last result.

    Examples
    --------
    >>> repeated(lambda: "done")(3)
    'done'
    """

    def repeat(count: int) -> object:
        kept: object = None
        for _ in range(count):
            kept = work()
        return kept

    return repeat


def make_products(backend: Backend, widths: Sequence[int], batch_size: int, x: Array | None = None) -> tuple[Work, int]:
    """Return the matrix products of one training step of a dense network, without the rest of the step.

    Parameters
    ----------
    backend
        Backend that computes.
    widths
        Widths of the network: inputs, hidden units, outputs.
    batch_size
        Number of samples in the step.
    x
        Input of the first layer, of shape ``(batch_size, widths[0])``; by default random numbers.

    Returns
    -------
    callable, int
        Function that computes all products, into existing arrays where the library supports this, and the number of
        floating-point operations in one call.

    Examples
    --------
    >>> from cutedl_xp.backends import get_backend
    >>> multiply, operations = make_products(get_backend("numpy"), (4, 3, 2), batch_size=5)
    >>> [product.shape for product in multiply()]  # x W and xᵀ dz of each layer, and dz Wᵀ of all but the first
    [(5, 3), (4, 3), (5, 2), (3, 2), (5, 3)]
    >>> operations == 2 * 5 * (4 * 3 + 4 * 3 + 3 * 2 + 3 * 2 + 3 * 2)
    True
    """
    random = np.random.default_rng(0)
    pairs: list[tuple[Array, Array]] = []
    operations = 0
    for layer, (inputs, units) in enumerate(pairwise(widths)):
        shapes = ((inputs, units), (batch_size, units), (batch_size, inputs))
        weight, dz, own_input = (backend.asarray(random.normal(size=shape), dtype=DTYPE) for shape in shapes)
        if layer == 0 and x is not None:
            own_input = x
        products = [(own_input, weight), (own_input.T, dz), (dz, weight.T)]
        used = products if layer else products[:2]  # training does not need the gradient of the samples
        pairs += used
        operations += len(used) * 2 * batch_size * inputs * units
    targets = [backend.matmul(a, b) for a, b in pairs]

    def multiply() -> list[Array]:
        return [backend.matmul(a, b, out=target) for (a, b), target in zip(pairs, targets, strict=True)]

    return multiply, operations


def count_update_traffic(parameters: int, slots: int) -> int:
    """Return the count of numbers that an update reads and writes: weights and slots both, gradients read only.

    Examples
    --------
    >>> count_update_traffic(parameters=10, slots=2)
    70
    """
    return (3 + 2 * slots) * parameters


def make_copy(backend: Backend, numbers: int) -> tuple[Work, int]:
    """Return a function that reads and writes ``numbers`` numbers in total, and the number of bytes that it moves.

    Examples
    --------
    >>> from cutedl_xp.backends import get_backend
    >>> copy, moved = make_copy(get_backend("numpy"), numbers=6)
    >>> copy().size, moved  # reads three numbers and writes three
    (3, 24)
    """
    size = -(-numbers // 2)
    source = backend.asarray(np.random.default_rng(0).normal(size=size), dtype=DTYPE)
    target = backend.xp.zeros_like(source)

    def copy() -> Array:
        if backend.has_views:
            return backend.write(target, source)
        return backend.copy(source)

    return copy, 2 * size * ITEMSIZE
