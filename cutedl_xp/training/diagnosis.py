"""Explanations of numbers of a training that are not finite."""

from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from cutedl_xp.backends import backend_of, dtype_name
from cutedl_xp.datasets import Batches, Data
from cutedl_xp.datasets._arrays import take_rows

REMEDY = "a smaller learning rate may help"

_ENTRIES_AT_ONCE = 1 << 22


def explain_non_finite(
    argument: str, data: Data, dtype: object, rows: NDArray[np.int64] | None = None, *, otherwise: str = REMEDY
) -> str:
    """Return the cause of a NaN or infinite number: a sample that is not finite, or another cause.

    Parameters
    ----------
    argument
        Name of the argument of ``fit`` for the data.
    data
        Data to search; batches that a function makes are not searched.
    dtype
        Dtype of the model, in which a large number may be infinite.
    rows
        Rows to search, in the order in which the training used them; default None for all rows.
    otherwise
        Explanation if these samples are finite.
    """
    if isinstance(data, Batches):
        return f"if all samples of `{argument}` are finite, {otherwise}"
    backend = backend_of(data.data)
    order = np.arange(data.size) if rows is None else rows
    count = max(1, _ENTRIES_AT_ONCE // max(1, prod(data.sample_shape)))
    for start in range(0, len(order), count):
        block = backend.to_numpy(take_rows(data.data, order[start : start + count]))
        if block.dtype.kind != "f":
            break
        with np.errstate(over="ignore"):
            samples = block.astype(dtype_name(dtype)).reshape(block.shape[0], -1)
        bad_rows = np.flatnonzero(~np.isfinite(samples).all(axis=1))
        if bad_rows.size:
            sample = samples[bad_rows[0]]
            value = float(sample[~np.isfinite(sample)][0])
            return (
                f"`{argument}` has the value {value} in row {order[start + bad_rows[0]]} of its samples; "
                "remove or replace such rows"
            )
    return otherwise


def describe_overflow(dtype: object) -> str:
    """Return the explanation of a slot that is not finite in ``dtype``, although its parameter is finite."""
    largest = float(np.finfo(dtype_name(dtype)).max)
    return (
        f"a number above {largest:.2g}, the largest of {dtype_name(dtype)}, came up there, such as the square of a "
        f"gradient above {sqrt(largest):.2g}; limit gradients with ClipByGlobalNorm, or skip them with SkipNonFinite"
    )
