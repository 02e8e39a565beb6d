"""CuPy on a CUDA GPU."""

import functools
import operator
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import _cuda
from cutedl_xp.backends._arrays import gpu_in_words
from cutedl_xp.backends._base import Backend
from cutedl_xp.backends._rules import Elementwise, Rule, is_module_level, rule_outputs, with_decay


class CupyBackend(Backend):
    """CuPy arrays on one CUDA device, which becomes the calling thread's current device."""

    name = "cupy"
    reduces_runs = True

    def __init__(self, device: str | None = None) -> None:
        self._cupy = cupy = _cuda.import_cupy()
        import array_api_compat.cupy

        self.xp = cast(Namespace, array_api_compat.cupy)
        self.version = cupy.__version__
        self.device = cupy.cuda.Device(_cuda.device_index(device, _cuda.device_count(cupy)))
        _cuda.use(cupy, self.device)

    @classmethod
    def of(cls, array: Any) -> Backend:
        with array.device:  # afterwards the thread's device is again what it was
            return super().of(array)

    @classmethod
    def _device_name(cls, device: Any) -> str:
        return str(device.id)

    def devices(self) -> list[str]:
        runtime = self._cupy.cuda.runtime
        gpus = [runtime.getDeviceProperties(index) for index in range(runtime.getDeviceCount())]
        return [gpu_in_words(f"cuda:{i}", gpu["name"].decode(), gpu["totalGlobalMem"]) for i, gpu in enumerate(gpus)]

    def owns(self, obj: Any) -> bool:
        return isinstance(obj, self._cupy.ndarray) and obj.device == self.device

    def _from_numpy(self, array: np.ndarray) -> Array:
        moved: Array = self._cupy.asarray(array)
        return moved

    def to_numpy(self, array: Array) -> np.ndarray:
        moved: np.ndarray = self._cupy.asnumpy(array)
        return moved

    def synchronize(self) -> None:
        self._cupy.cuda.get_current_stream().synchronize()

    @property
    def float32_products(self) -> str:
        chosen = self._cupy._core._routines_linalg
        name: str = chosen.compute_type_to_str(chosen.get_compute_type("f"))
        return "TF32, chosen by $CUPY_TF32" if name == "COMPUTE_TYPE_TF32" else "float32"

    def matmul(self, a: Any, b: Any, out: Any = None) -> Array:
        product: Array = self._cupy.matmul(a, b, out=out)
        return product

    def sum(self, array: Any, axis: int | None = None, keepdims: bool = False, out: Any = None) -> Array:
        total: Array = self._cupy.sum(array, axis=axis, keepdims=keepdims, out=out)
        return total

    def convert(self, array: Any, dtype: Any, scale: float | None) -> Array:
        if scale is None:
            return super().convert(array, dtype, scale)
        product: Array = self._cupy.multiply(array, scale, dtype=dtype)  # one kernel, not two
        return product

    def elementwise(self, function: Elementwise, *arguments: Any) -> Any:
        if not self._can_fuse(function):
            return super().elementwise(function, *arguments)
        return _fuse_function(self._cupy, function)(*_cast_floats(arguments))

    def add_bias(self, product: Array, bias: Array, function: Elementwise) -> Array:
        if not self._can_fuse(function):
            return super().add_bias(product, bias, function)
        activated: Array = _fuse_add_bias(self._cupy, function)(product, bias)
        return activated

    def scaled_squares(self, arrays: Sequence[Any]) -> tuple[Any, Array]:
        if not self.fused or any(not array.size for array in arrays):
            return super().scaled_squares(arrays)
        largest, squares = _norm_kernels(self._cupy)
        scale = functools.reduce(self._cupy.maximum, map(largest, arrays))
        return scale, functools.reduce(operator.add, [squares(array, scale) for array in arrays])

    def apply_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[Any], decay: float = 0.0, *, donate: bool = False
    ) -> Sequence[Array]:
        if not (donate and self._can_fuse(rule)):
            return super().apply_rule(rule, arrays, scalars, decay, donate=donate)
        kernel = _fuse_rule(self._cupy, rule, len(arrays), decay != 0.0, in_place=True)
        kernel(*_cast_floats([*arrays, *scalars, decay]))
        return rule_outputs(arrays)

    def _run_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[float], decay: float
    ) -> tuple[Array, ...]:
        if not self._can_fuse(rule):
            return super()._run_rule(rule, arrays, scalars, decay)
        kernel = _fuse_rule(self._cupy, rule, len(arrays), decay != 0.0, in_place=False)
        results: tuple[Array, ...] = kernel(*_cast_floats([*arrays, *scalars, decay]))
        return results

    def without_subnormals(self, array: Array) -> Array:
        return array  # a GPU computes with them as fast as with others

    def _can_fuse(self, function: Callable[..., Any]) -> bool:
        """Return whether a function may become a kernel that is kept."""
        return self.fused and is_module_level(function)


def _cast_floats(arguments: Sequence[Any]) -> list[Any]:
    """Return the arguments with floats in the first array's dtype, as CuPy computes with Python floats in float16."""
    dtype = arguments[0].dtype.type
    return [dtype(argument) if isinstance(argument, float) else argument for argument in arguments]


@functools.cache
def _fuse_function(cupy: Any, function: Callable[..., Any]) -> Any:
    """Return an elementwise function as one kernel."""
    return _make_kernel(cupy, function.__name__, lambda *arguments: function(_namespace(cupy), *arguments))


@functools.cache
def _fuse_add_bias(cupy: Any, function: Elementwise) -> Any:
    """Return a function of the sum of two arrays as one kernel."""
    xp = _namespace(cupy)
    return _make_kernel(cupy, f"{function.__name__}_of_sum", lambda x, y: function(xp, x + y))


@functools.cache
def _fuse_rule(cupy: Any, rule: Rule, arrays: int, decays: bool, in_place: bool) -> Any:
    """Return a rule of so many arrays as one kernel that returns the results or writes them over w and the state."""
    results = functools.partial(with_decay(rule, decays), _namespace(cupy))

    def write(*arguments: Any) -> None:
        for target, result in zip(rule_outputs(arguments[:arrays]), results(*arguments), strict=True):
            target[...] = result

    return _make_kernel(cupy, rule.__name__, write if in_place else results)


@functools.cache
def _norm_kernels(cupy: Any) -> tuple[Any, Any]:
    """The largest absolute value (1 if it is 0 or not finite), and the sum of squares over such a scale."""
    largest = cupy.ReductionKernel(
        "T x", "T y", "abs(x)", "a > b ? a : b", "y = (a > 0 && isfinite(a)) ? a : (T)1", "0", "largest_absolute_value"
    )
    squares = cupy.ReductionKernel("T x, T scale", "T y", "(x / scale) * (x / scale)", "a + b", "y = a", "0", "squares")
    return largest, squares


def _make_kernel(cupy: Any, name: str, function: Callable[..., Any]) -> Any:
    return cupy.fuse(kernel_name=re.sub(r"\W", "_", name, flags=re.ASCII))(function)


def _namespace(cupy: Any) -> SimpleNamespace:
    import array_api_compat.cupy as compatible

    return SimpleNamespace(**(vars(compatible) | {"sign": cupy.sign}))  # theirs cannot be made part of a kernel
