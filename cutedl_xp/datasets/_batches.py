"""Batches of arrays; one call gathers several small batches."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend
from cutedl_xp.datasets._arrays import is_in_file, move, take_rows

_AT_ONCE = 1 << 20
"""Number of entries that one call gathers: several small batches, as a call costs more than gathering one of them."""


def iterate(
    arrays: Sequence[Array],
    order: NDArray[np.int64] | None,
    first: int,
    stop: int,
    batch_size: int,
    backend: Backend,
    dtype: Any,
    scale: float | None,
) -> Iterator[tuple[Any, ...]]:
    """Return an iterator over batches of arrays, which have one entry for each sample.

    Parameters
    ----------
    arrays
        Samples, and other arrays such as their labels, on the backend or memory-mapped.
    order
        Row numbers in the order of the batches; None for the order of the arrays.
    first, stop
        Range of the order that the batches hold.
    batch_size
        Number of samples in a batch.
    backend, dtype, scale
        Backend of the arrays, and the dtype and the factor of the samples.
    """
    rows_on_device = None if order is None else backend.asarray(order)
    entries = max(batch_size * prod(array.shape[1:]) for array in arrays)
    batches = max(1, _AT_ONCE // max(entries, 1)) if backend.has_views else 1  # a slice may be a copy elsewhere
    rows_at_once = batch_size * batches
    for start in range(first, stop, rows_at_once):
        part = slice(start, min(start + rows_at_once, stop))
        rows = None if rows_on_device is None else rows_on_device[part]
        gathered = []
        for array in arrays:
            if is_in_file(array):
                read = np.asarray(array[part]) if order is None else take_rows(array, order[part])
                gathered.append(move(read, backend, dtype))
            else:
                gathered.append(array[part, ...] if rows is None else backend.xp.take(array, rows, axis=0))
        yield from _cut(gathered, batch_size, backend, dtype, scale)


def _cut(
    arrays: Sequence[Array], batch_size: int, backend: Backend, dtype: Any, scale: float | None
) -> Iterator[tuple[Any, ...]]:
    """Return an iterator over consecutive batches of arrays."""
    data, *others = arrays
    count = data.shape[0]
    if count <= batch_size:
        yield backend.convert(data, dtype, scale), *others
        return
    for start in range(0, count, batch_size):
        batch = slice(start, min(start + batch_size, count))
        yield backend.convert(data[batch, ...], dtype, scale), *(array[batch, ...] for array in others)
