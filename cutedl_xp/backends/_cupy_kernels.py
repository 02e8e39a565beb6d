"""Kernels that CuPy makes of elementwise functions, and reductions for large arrays."""

import functools
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from cutedl_xp.backends._rules import Elementwise, Rule, rule_outputs, with_decay

_LARGE = 1 << 17
"""Entries from which a sum is computed in two passes; the second one costs a launch."""

_COLUMNS_OF_A_BLOCK, _MOST_BLOCKS = 32, 256


def cast_floats(arguments: Sequence[Any]) -> list[Any]:
    """Return the arguments with floats in the first array's dtype, as CuPy computes with Python floats in float16."""
    dtype = arguments[0].dtype.type
    return [dtype(argument) if isinstance(argument, float) else argument for argument in arguments]


@functools.cache
def fuse_function(cupy: Any, function: Callable[..., Any]) -> Any:
    """Return an elementwise function as one kernel."""
    return _make_kernel(cupy, function.__name__, lambda *arguments: function(_namespace(cupy), *arguments))


@functools.cache
def fuse_add_bias(cupy: Any, function: Elementwise) -> Any:
    """Return a function of the sum of two arrays as one kernel."""
    xp = _namespace(cupy)
    return _make_kernel(cupy, f"{function.__name__}_of_sum", lambda x, y: function(xp, x + y))


@functools.cache
def fuse_rule(cupy: Any, rule: Rule, arrays: int, decays: bool, in_place: bool) -> Any:
    """Return a rule of so many arrays as one kernel that returns the results or writes them over w and the state."""
    results = functools.partial(with_decay(rule, decays), _namespace(cupy))

    def write(*arguments: Any) -> None:
        for target, result in zip(rule_outputs(arguments[:arrays]), results(*arguments), strict=True):
            target[...] = result

    return _make_kernel(cupy, rule.__name__, write if in_place else results)


@functools.cache
def norm_kernels(cupy: Any) -> tuple[Any, Any]:
    """The largest absolute value (1 if it is 0 or not finite), and the sum of squares over such a scale."""
    largest = cupy.ReductionKernel(
        "T x", "T y", "abs(x)", "a > b ? a : b", "y = (a > 0 && isfinite(a)) ? a : (T)1", "0", "largest_absolute_value"
    )
    squares = cupy.ReductionKernel("T x, T scale", "T y", "(x / scale) * (x / scale)", "a + b", "y = a", "0", "squares")
    return largest, squares


@functools.cache
def copy_kernel(cupy: Any) -> Any:
    """Return a kernel that copies an array: CuPy copies contiguous arrays without one."""
    return cupy.ElementwiseKernel("T source", "T target", "target = source", "copy")


@functools.cache
def count_kernel(cupy: Any) -> Any:
    """Return a kernel that adds 1 to an integer."""
    return cupy.ElementwiseKernel("", "T number", "number += 1", "count", no_return=True)


def sum_along(cupy: Any, array: Any, axis: int | None, keepdims: bool, out: Any) -> Any:
    """Return a sum, of a large C-contiguous array in two passes.

    CuPy's reductions use one block for 32 columns, and one for the sum of all entries, which leaves most of a GPU idle.
    The first pass adds up parts of the columns, the second one their sums; the order of the additions is always the
    same.
    """
    parts = _parts(array, axis)
    if parts == 1:
        return cupy.sum(array, axis=axis, keepdims=keepdims, out=out)
    columns = array.shape[1:] if axis == 0 else ()
    partial = cupy.sum(array.reshape(parts, -1, *columns), axis=1)
    if keepdims:
        partial = partial.reshape(parts, *(1,) * (array.ndim - len(columns)), *columns)
    return cupy.sum(partial, axis=0, out=out)


def _parts(array: Any, axis: int | None) -> int:
    """Return into how many parts of equal length to divide the rows of an array, or its entries."""
    if axis not in (0, None) or array.size < _LARGE or not array.flags.c_contiguous:
        return 1
    rows = array.shape[0] if axis == 0 else array.size
    most = _MOST_BLOCKS // -(-(array.size // rows) // _COLUMNS_OF_A_BLOCK)
    return next((parts for parts in range(min(most, rows // 32), 1, -1) if rows % parts == 0), 1)


def _make_kernel(cupy: Any, name: str, function: Callable[..., Any]) -> Any:
    return cupy.fuse(kernel_name=re.sub(r"\W", "_", name, flags=re.ASCII))(function)


def _namespace(cupy: Any) -> SimpleNamespace:
    import array_api_compat.cupy as compatible

    return SimpleNamespace(**(vars(compatible) | {"sign": cupy.sign}))  # theirs cannot be made part of a kernel
