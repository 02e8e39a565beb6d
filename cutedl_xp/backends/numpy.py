"""NumPy on the CPU: the backend that everything else is measured against."""

import contextlib
import functools
import importlib.util
import math
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

import array_api_compat.numpy
import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._base import Backend
from cutedl_xp.backends._rules import Elementwise, Rule, is_module_level, written
from cutedl_xp.backends._threads import in_pieces

_BLOCK = 32_768
"""Entries a block of a rule: its temporaries stay in the cache, and the memory allocator keeps them at hand."""

_FLOATS = (np.dtype("float32"), np.dtype("float64"))
_NUMBERS = "?bBhHiIlLqQfd"
"""The characters of the dtypes that numba computes with."""


class NumpyBackend(Backend):
    """NumPy arrays on the host; where numba is installed, rules and some passes are loops that it compiled."""

    name = "numpy"
    xp = cast(Namespace, array_api_compat.numpy)
    device = "cpu"
    version = np.__version__

    def __init__(self, device: str | None = None) -> None:
        if device not in (None, "cpu"):
            raise ValueError(f"the backend 'numpy' has no device {device!r}; it runs on 'cpu': use 'numpy'")

    def owns(self, obj: Any) -> bool:
        return type(obj) is np.ndarray or isinstance(obj, (np.generic, np.memmap))

    def _from_numpy(self, array: np.ndarray) -> Array:
        return array

    def to_numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def ignore_underflow(self) -> contextlib.AbstractContextManager[object]:
        return np.errstate(under="ignore")

    def writable(self, array: Any) -> bool:
        return bool(array.flags.writeable)

    def matmul(self, a: Any, b: Any, out: Any = None) -> Array:
        product: np.ndarray = np.matmul(a, b, out=out)
        return product

    def sum(self, array: Any, axis: int | None = None, keepdims: bool = False, out: Any = None) -> Array:
        # What np.sum calls in the end
        return cast(Array, np.add.reduce(array, axis=axis, keepdims=keepdims, out=out))

    def sum_of_squares(self, array: Any) -> Array:
        if not self.fused:
            return super().sum_of_squares(array)
        return cast(Array, np.vdot(array, array))  # one pass, by BLAS

    def known_to_be_finite(self, array: Any) -> bool:
        return math.isfinite(np.vdot(array, array))  # one pass, by BLAS; NumPy checks its result for no errors

    def convert(self, array: Any, dtype: Any, scale: float | None) -> Array:
        if scale is None or array.dtype == dtype:
            return super().convert(array, dtype, scale)
        if self._loops and array.flags.c_contiguous and array.dtype.isnative and array.dtype.char in _NUMBERS:
            product = np.empty(array.shape, dtype)
            self._loops.scale_into(array.reshape(-1), product.dtype.type(scale), product.reshape(-1))
            return cast(Array, product)
        return cast(Array, np.multiply(array, scale, dtype=dtype))

    def add_bias(self, product: Any, bias: Any, function: Elementwise) -> Array:
        compiled = self._can_compile(function, product) and product.shape[1:] == bias.shape
        if compiled and (loop := self._loops.loop_over_sums(function, product.dtype)):
            loop(product, bias)
        else:
            product += bias
            product = function(self.xp, product)
        return cast(Array, product)

    def add_bias_backward(self, function: Elementwise, y: Any, gradient: Any, out: Any = None) -> tuple[Array, Array]:
        alike = gradient.shape == y.shape and gradient.dtype == y.dtype
        fit = alike and y.ndim == 2 and out is not None and out.shape == y.shape[1:] and out.dtype == y.dtype
        if fit and self._can_compile(function, y) and (loop := self._loops.loop_over_pairs(function, y.dtype)):
            return loop(y, gradient, out), out
        return super().add_bias_backward(function, y, gradient, out)

    def softmax_crossentropy(self, y_true: Any, logits: Any, scale: float) -> tuple[Array, Array]:
        fit = logits.ndim == 2 and logits.size and logits.shape == y_true.shape
        if not (fit and self._loops and logits.dtype in _FLOATS):
            return super().softmax_crossentropy(y_true, logits, scale)
        dtype = logits.dtype.type
        value, gradient = self._loops.softmax_crossentropy(y_true, logits, dtype(scale))
        return dtype(value), gradient

    def apply_rule(
        self, rule: Rule, arrays: Sequence[Any], scalars: Sequence[float], decay: float = 0.0
    ) -> Sequence[Array]:
        w, flat = arrays[0], arrays
        if w.ndim != 1:
            if not all(array.flags.c_contiguous for array in arrays):
                return super().apply_rule(rule, arrays, scalars, decay)
            flat = [array.reshape(-1) for array in arrays]
        compiled = self._can_compile(rule, w)
        if compiled and (loop := self._loops.loop_over(rule, len(arrays), len(scalars), w.dtype)):
            in_pieces(loop, flat, np.asarray((*scalars, decay), w.dtype))
            return written(arrays)
        for start in range(0, w.size, _BLOCK):
            super().apply_rule(rule, [array[start : start + _BLOCK] for array in flat], scalars, decay)
        return written(arrays)

    def rule_results(
        self, rule: Rule, arrays: Sequence[Any], scalars: Sequence[float], decay: float = 0.0
    ) -> Sequence[Array]:
        if not all(type(array) is np.ndarray and array.dtype in _FLOATS for array in arrays):
            results = super().rule_results(rule, arrays, scalars, decay)
            return [np.asarray(result) for result in results]  # it makes scalars of arrays without axes
        w, g, *state = arrays
        copies = [np.array(array, order="C") for array in (w, *state)]  # to write to, as fast as in place
        return self.apply_rule(rule, [copies[0], np.asarray(g, order="C"), *copies[1:]], scalars, decay)

    def without_subnormals(self, array: Any) -> Array:
        if not array.flags.c_contiguous:
            return super().without_subnormals(array)
        flat, smallest = array.reshape(-1), np.finfo(array.dtype).smallest_normal
        for start in range(0, flat.size, _BLOCK):
            block = flat[start : start + _BLOCK]
            block[np.abs(block) < smallest] = 0.0
        return cast(Array, array)

    def _can_compile(self, function: Any, x: Any) -> bool:
        """Return whether numba is installed and may compile and keep a function of arrays like ``x``."""
        return self._loops is not None and x.dtype in _FLOATS and is_module_level(function)

    @functools.cached_property
    def _loops(self) -> Any:
        """What numba compiles, or None where it is not installed or not wanted; imported when first asked for."""
        return _import_loops() if self.fused else None


@functools.cache
def _import_loops() -> ModuleType | None:
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        from cutedl_xp.backends import _numba
    except Exception as error:  # numba refuses a NumPy that is too new for it in ways of its own
        what = f"{type(error).__name__}: {error}"
        warnings.warn(f"numba cannot be used ({what}), so NumPy computes without it", RuntimeWarning, stacklevel=2)
        return None
    return _numba
