"""NumPy on the CPU, the reference for the other backends."""

import contextlib
import functools
import importlib.util
import math
import operator
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

import array_api_compat.numpy
import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._base import Backend
from cutedl_xp.backends._rules import Elementwise, Rule, is_module_level
from cutedl_xp.backends._threads import SMALLEST_PIECE, in_pieces

_BLOCK = 32_768
"""Entries in a block of a rule: its temporaries fit the cache, and the memory allocator reuses their memory."""

_SMALLEST_SQUARES = 1e-30
"""Sum of squares below which squares in float32 may have lost precision by underflow."""

_FLOATS = (np.dtype("float32"), np.dtype("float64"))
_NUMBERS = "?bBhHiIlLqQfd"
"""Characters of the dtypes that numba supports."""


class NumpyBackend(Backend):
    """NumPy arrays on the host; if numba is installed, it compiles rules and some other computations into loops."""

    name = "numpy"
    xp = cast(Namespace, array_api_compat.numpy)
    device = "cpu"
    version = np.__version__

    def __init__(self, device: str | None = None) -> None:
        if device not in (None, "cpu"):
            raise ValueError(f"the backend 'numpy' has no device {device!r}; it runs on 'cpu': use 'numpy'")

    def why_not_compiled(self) -> str | None:
        # The trainer's loop is the fastest form: a replay of recorded calls was not faster
        return None if self.fused else super().why_not_compiled()

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
        # np.sum calls this function, with more overhead
        return cast(Array, np.add.reduce(array, axis=axis, keepdims=keepdims, out=out))

    def scaled_squares(self, arrays: Sequence[Any]) -> tuple[Any, Array]:
        if self.fused:
            total = functools.reduce(operator.add, [np.vdot(array, array) for array in arrays])  # one pass, by BLAS
            if _SMALLEST_SQUARES < total < np.inf:
                return 1.0, total
        with self.ignore_underflow():
            return super().scaled_squares(arrays)

    def known_to_be_finite(self, array: Any) -> bool:
        return math.isfinite(np.vdot(array, array))  # one pass, by BLAS; NumPy does not check its result for errors

    def convert(self, array: Any, dtype: Any, scale: float | None) -> Array:
        if scale is None or array.dtype == dtype:
            return super().convert(array, dtype, scale)
        if self._loops and array.flags.c_contiguous and array.dtype.isnative and array.dtype.char in _NUMBERS:
            product = np.empty(array.shape, dtype)
            self._loops.scale_into(array.reshape(-1), product.dtype.type(scale), product.reshape(-1))
            return cast(Array, product)
        return cast(Array, np.multiply(array, scale, dtype=dtype))

    def add_bias(self, product: Any, bias: Any, function: Elementwise) -> Array:
        fit = product.ndim == 2 and product.shape[1:] == bias.shape and product.dtype == bias.dtype
        compiled = fit and self._can_compile(function, product)
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
            dz = np.empty_like(y, subok=False)
            loop(y, gradient, dz, out)
            return cast(Array, dz), out
        return super().add_bias_backward(function, y, gradient, out)

    def softmax_crossentropy(self, y_true: Any, logits: Any, scale: float) -> tuple[Array, Array]:
        if not self._can_pass_once(y_true, logits):
            return super().softmax_crossentropy(y_true, logits, scale)
        gradient, dtype = np.empty_like(logits, subok=False), logits.dtype.type
        return dtype(self._loops.softmax_crossentropy(y_true, logits, dtype(scale), gradient)), gradient

    def softmax_crossentropy_value(self, y_true: Any, logits: Any, scale: float) -> Array:
        if not self._can_pass_once(y_true, logits):
            return super().softmax_crossentropy_value(y_true, logits, scale)
        dtype = logits.dtype.type
        return cast(Array, dtype(self._loops.softmax_crossentropy(y_true, logits, dtype(scale), None)))

    def apply_rule(
        self, rule: Rule, arrays: Sequence[Any], scalars: Sequence[Any], decay: float = 0.0, *, donate: bool = False
    ) -> Sequence[Array]:
        compilable = _have_one_dtype(arrays)
        if not donate:
            return self._apply_to_copies(rule, arrays, scalars, decay)
        w, flat = arrays[0], arrays
        if w.ndim != 1:
            if not all(array.flags.c_contiguous for array in arrays):
                with self.ignore_underflow():
                    return super().apply_rule(rule, arrays, scalars, decay, donate=True)
            flat = [array.reshape(-1) for array in arrays]
        loops, key = self._loops, (rule, len(flat), len(scalars), w.dtype)
        if loops and compilable and (loop := loops.LOOPS.get(key) or loops.loop_over(*key)):
            numbers = np.asarray((*scalars, decay), w.dtype)
            if len(flat) * w.size < SMALLEST_PIECE:
                loop(flat[0], flat[1], tuple(flat[2:]), numbers)
            else:
                in_pieces(lambda w, g, *states: loop(w, g, states, numbers), flat)
            return [w, *arrays[2:]]
        with self.ignore_underflow():
            for start in range(0, w.size, _BLOCK):
                block = [array[start : start + _BLOCK] for array in flat]
                super().apply_rule(rule, block, scalars, decay, donate=True)
        return [w, *arrays[2:]]

    def _apply_to_copies(
        self, rule: Rule, arrays: Sequence[Any], scalars: Sequence[Any], decay: float
    ) -> Sequence[Array]:
        if not all(type(array) is np.ndarray and array.dtype in _FLOATS for array in arrays):
            with self.ignore_underflow():
                results = super().apply_rule(rule, arrays, scalars, decay)
            return [np.asarray(result) for result in results]  # NumPy returns scalars instead of 0-d arrays
        w, g, *state = arrays
        copies = [np.array(array, order="C") for array in (w, *state)]
        return self.apply_rule(rule, [copies[0], np.asarray(g, order="C"), *copies[1:]], scalars, decay, donate=True)

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

    def _can_pass_once(self, y_true: Any, logits: Any) -> bool:
        """Return whether numba's loop takes the arguments of a cross-entropy."""
        fit = logits.ndim == 2 and logits.size and logits.shape == y_true.shape and logits.dtype == y_true.dtype
        return bool(fit and self._loops and logits.dtype in _FLOATS)

    @functools.cached_property
    def _loops(self) -> Any:
        """Module with the compiled loops, or None if numba is not installed or ``fused`` is False."""
        return _import_loops() if self.fused else None


def _have_one_dtype(arrays: Sequence[Any]) -> bool:
    """Check that the arrays of a rule have one shape, and return whether they have one dtype."""
    shape, dtype, same = arrays[0].shape, arrays[0].dtype, True
    for array in arrays[1:]:
        if array.shape != shape:  # a compiled loop would read beyond the end of a shorter array
            shapes = ", ".join(str(each.shape) for each in arrays)
            raise ValueError(f"`arrays` must have one shape, that of the parameter; got the shapes {shapes}")
        same = same and array.dtype == dtype
    return same


@functools.cache
def _import_loops() -> ModuleType | None:
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        from cutedl_xp.backends import _numba
    except Exception as error:  # numba raises different errors under a NumPy that is too new for it
        what = f"{type(error).__name__}: {error}"
        warnings.warn(f"numba cannot be used ({what}), so NumPy computes without it", RuntimeWarning, stacklevel=2)
        return None
    return _numba
