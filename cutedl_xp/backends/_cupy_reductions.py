"""Sums and norms by CuPy's generated kernels, in two passes over large arrays.

CuPy's reductions use one block for the sum of all entries, and one block for 32 columns, which leaves most of a GPU
idle. The first pass reduces parts of a large array, and the second pass reduces their results, always in the same
order.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_LARGE = 1 << 17
"""Number of entries above which a second pass saves more time than its launch takes."""

_COLUMNS_OF_A_BLOCK, _MOST_BLOCKS, _FEWEST_ROWS = 32, 256, 32

_lock = Lock()
_open: list[object] = []  # one entry for each context that has not ended
_chosen: list[list[int]] = []  # the user's settings, restored at the end


@contextmanager
def own_reductions(cupy: Any) -> Iterator[None]:
    """Return a context in which CuPy reduces with kernels that it generates itself.

    Captured and uncaptured steps then run the same kernels, and small reductions take less time on the host. The
    setting applies to all threads of the process.
    """
    core = cupy._core
    with _lock:
        if not _open:
            _chosen[:] = core.get_reduction_accelerators(), core.get_routine_accelerators()
            _choose(core, [], [])
        _open.append(core)
    try:
        yield
    finally:
        with _lock:
            _open.pop()
            if not _open:
                _choose(core, *_chosen)


def _choose(core: Any, reductions: list[int], routines: list[int]) -> None:
    core.set_reduction_accelerators(reductions)
    core.set_routine_accelerators(routines)


def sum_along(cupy: Any, array: Any, axis: int | None, keepdims: bool, out: Any) -> Any:
    """Return the sum along an axis or of all entries."""
    parts = _parts(array, axis)
    if parts == 1:
        return cupy.sum(array, axis=axis, keepdims=keepdims, out=out)
    columns = array.shape[1:] if axis == 0 else ()
    partial = cupy.sum(array.reshape(parts, -1, *columns), axis=1)
    if keepdims:
        partial = partial.reshape(parts, *(1,) * (array.ndim - len(columns)), *columns)
    return cupy.sum(partial, axis=0, out=out)


def largest_magnitude(cupy: Any, array: Any) -> Any:
    """Return the largest absolute value, or 1 if it is 0 or not finite."""
    parts = _parts(array, None)
    if parts > 1:
        array = _largest_kernel(cupy, "largest_of_part", "y = a")(array.reshape(parts, -1), axis=1)
    return _largest_kernel(cupy, "largest_absolute_value", "y = (a > 0 && isfinite(a)) ? a : (T)1")(array)


def sum_of_squares(cupy: Any, array: Any, scale: Any) -> Any:
    """Return the sum of the squares of all entries, each divided by ``scale`` first."""
    kernel, parts = _squares_kernel(cupy), _parts(array, None)
    return kernel(array, scale) if parts == 1 else cupy.sum(kernel(array.reshape(parts, -1), scale, axis=1))


def _parts(array: Any, axis: int | None) -> int:
    """Return the number of equal parts into which to divide the rows of an array, or its entries."""
    if axis not in (0, None) or array.size < _LARGE or not array.flags.c_contiguous:
        return 1
    rows = array.shape[0] if axis == 0 else array.size
    blocks = -(-(array.size // rows) // _COLUMNS_OF_A_BLOCK)
    most = min(_MOST_BLOCKS // blocks, rows // _FEWEST_ROWS)
    return next((parts for parts in range(most, 1, -1) if rows % parts == 0), 1)


@functools.cache
def _largest_kernel(cupy: Any, name: str, result: str) -> Any:
    return cupy.ReductionKernel("T x", "T y", "abs(x)", "a > b ? a : b", result, "0", name)


@functools.cache
def _squares_kernel(cupy: Any) -> Any:
    return cupy.ReductionKernel("T x, T scale", "T y", "(x / scale) * (x / scale)", "a + b", "y = a", "0", "squares")
