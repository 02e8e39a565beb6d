"""Why a loss is not finite."""

from math import prod

import numpy as np

from cutedl_xp.backends import backend_of, dtype_name
from cutedl_xp.datasets import Dataset

_ENTRIES_AT_ONCE = 1 << 22


def explain_non_finite(argument: str, data: Dataset, dtype: object) -> str:
    """Return what makes a loss NaN or infinite: a sample that is, or else perhaps the learning rate.

    Parameters
    ----------
    argument
        Name of the argument of ``fit`` that the data were given as.
    data
        Data set of the loss, which is searched.
    dtype
        The model's, in which a large number may be infinite.
    """
    backend = backend_of(data.data)
    rows = max(1, _ENTRIES_AT_ONCE // max(1, prod(data.sample_shape)))
    for start in range(0, data.size, rows):
        block = backend.to_numpy(data.data[start : start + rows, ...])
        if block.dtype.kind != "f":
            break
        with np.errstate(over="ignore"):
            samples = block.astype(dtype_name(dtype)).reshape(block.shape[0], -1)
        bad_rows = np.flatnonzero(~np.isfinite(samples).all(axis=1))
        if bad_rows.size:
            sample = samples[bad_rows[0]]
            value = float(sample[~np.isfinite(sample)][0])
            return (
                f"`{argument}` has the value {value} in row {start + int(bad_rows[0])} of its samples; "
                "remove or replace such rows"
            )
    return "a smaller learning rate may help"
