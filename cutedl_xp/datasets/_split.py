"""Division of a data set into two parts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import format_value
from cutedl_xp._random import Stream


def count_of(part: Any, size: int) -> int:
    """Return the number of samples of the first part of ``size``, from a fraction or a number of samples."""
    if isinstance(part, bool) or not isinstance(part, int | float | np.integer | np.floating):
        raise TypeError(f"`part` must be a fraction (float) or a number of samples (int); got {format_value(part)}")
    if isinstance(part, int | np.integer):
        count = int(part)
    elif 0.0 < part < 1.0:
        count = round(float(part) * size)
    else:
        raise ValueError(f"`part` must be a fraction between 0 and 1, or a number of samples as an int; got {part!r}")
    if not 0 < count < size:
        raise ValueError(
            f"`part` must leave at least one of the {size} samples to each part; got {part!r}, {count} samples"
        )
    return count


def split_rows(
    count: int, size: int, seed: int, classes: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row numbers of two random parts, each in ascending order.

    Parameters
    ----------
    count, size
        Number of samples of the first part, and of all.
    seed
        Seed of the choice.
    classes
        Class of each sample, for parts with the same proportions of classes; otherwise None.
    """
    order = Stream(seed, "split").permutation(size)
    if classes is None:
        return np.sort(order[:count]), np.sort(order[count:])
    _, groups, sizes = np.unique(classes[order], return_inverse=True, return_counts=True)
    exact = sizes * count / size
    shares = np.floor(exact).astype(np.int64)
    largest = np.argsort(shares - exact, kind="stable")  # the largest remainders first
    shares[largest[: count - shares.sum()]] += 1
    chosen = np.concatenate([order[groups == group][:share] for group, share in enumerate(shares)])
    first: NDArray[np.int64] = np.sort(chosen)
    return first, np.setdiff1d(order, first)
