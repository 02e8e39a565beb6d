"""Inputs of training steps, as arrays on the host that are prepared for a whole chunk."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._random import Draw, Stream
from cutedl_xp.optimizers._elementwise import ScalarTable


def row_numbers(order: NDArray[np.int64], size: int, count: int, capacity: int, dtype: str) -> NDArray[Any]:
    """Return the row numbers of the first ``count`` batches of ``size`` samples of an ``order``.

    The array has ``capacity`` rows of ``size`` entries and the given ``dtype``.
    """
    rows = np.zeros((capacity, size), dtype)
    rows[:count] = order[: count * size].reshape(count, size)
    return rows


def scalar_arrays(tables: Any, length: int, dtype: str, counter_dtype: str) -> Any:
    """Return nested dicts of scalar tables as dicts of arrays with ``length`` rows, filled up with the last row.

    A wrapper may compute an update that it does not apply, for which the table has no row.

    Parameters
    ----------
    tables
        Tables, or nested dicts of them.
    length
        Number of rows.
    dtype, counter_dtype
        Dtypes of the scalars and of the counters.
    """
    if isinstance(tables, ScalarTable):
        rows = np.empty((length, len(tables.rows[0])), dtype)
        rows[: len(tables.rows)] = tables.rows
        rows[len(tables.rows) :] = tables.rows[-1]
        return {"first": np.asarray(tables.first, counter_dtype), "rows": rows}
    return {key: scalar_arrays(child, length, dtype, counter_dtype) for key, child in tables.items()}


def draw_numbers(
    streams: Sequence[Stream], draws: Sequence[Sequence[Draw]], count: int, capacity: int, dtype: str
) -> list[list[NDArray[Any]]]:
    """Return the numbers of ``count`` steps for each draw of each stream.

    Parameters
    ----------
    streams
        Random streams.
    draws
        Draws of a step from each stream.
    count, capacity
        Number of steps, and number of rows of each array.
    dtype
        Dtype of floating-point numbers.
    """
    filled: list[list[NDArray[Any]]] = [[] for _ in streams]
    for stream, own, arrays in zip(streams, draws, filled, strict=True):
        for step in range(count if own else 0):
            for place, draw in enumerate(own):
                numbers = stream.perform(draw)
                if step == 0:
                    kind = dtype if numbers.dtype.kind == "f" else numbers.dtype
                    arrays.append(np.zeros((capacity, *numbers.shape), kind))
                arrays[place][step] = numbers
    return filled


def bytes_of_draws(draws: Sequence[Sequence[Draw]], streams: Sequence[Stream]) -> int:
    """Return the memory of the numbers of one step with these ``draws`` from ``streams``, in bytes."""
    total = 0
    for stream, own in zip(streams, draws, strict=True):
        state = stream.state
        total += sum(stream.perform(draw).nbytes for draw in own)
        stream.state = state
    return total
