"""Checks of the arrays of a data set, and their transfer to a device."""

from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend, backend_of, check_class, describe
from cutedl_xp.datasets._conversion import LABELS, NUMBER_TEXTS


def check_array(argument: str, array: Any) -> None:
    """Raise unless ``array`` is an array of real numbers with an axis of samples."""
    check_class(f"`{argument}`", array)
    if not array_api_compat.is_array_api_obj(array):
        raise TypeError(f"`{argument}` must be an array of shape (n, ...); got {type(array).__name__}")
    if not backend_of(array).xp.isdtype(array.dtype, ("bool", "integral", "real floating")):
        texts = isinstance(array, np.ndarray) and array.dtype.kind in "UST"
        remedy = f": {NUMBER_TEXTS}" if texts and argument in LABELS else ""
        raise TypeError(f"`{argument}` must be an array of real numbers; got {describe(array)}{remedy}")
    if not array.shape:
        raise ValueError(f"`{argument}` must have a first axis of samples; got an array of shape ()")


def move(array: Array, backend: Backend, dtype: Any) -> Array:
    """Return the array on the backend, converted to ``dtype`` if it is a floating-point array."""
    return backend.make_computable(backend.asarray(array, dtype if is_floating(array) else None))


def is_floating(array: Array) -> bool:
    """Return whether an array holds floating-point numbers."""
    return backend_of(array).xp.isdtype(array.dtype, "real floating")


def is_in_file(array: Any) -> bool:
    """Return whether an array is memory-mapped, so that its rows are read when they are needed."""
    return isinstance(array, np.memmap) and getattr(array, "_mmap", None) is not None  # a copy has the same class


def take_rows(array: Array, rows: NDArray[np.int64]) -> Array:
    """Return some rows of an array, without a copy of the whole array if it is memory-mapped."""
    if is_in_file(array):
        return np.asarray(array[rows])  # np.take may copy the whole array first
    backend = backend_of(array)
    return backend.xp.take(array, backend.asarray(rows, backend.index_dtype), axis=0)
