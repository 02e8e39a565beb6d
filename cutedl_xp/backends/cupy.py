"""CuPy on a CUDA GPU."""

import contextlib
import functools
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import _cublas, _cuda, _graphs
from cutedl_xp.backends._arrays import gpu_in_words
from cutedl_xp.backends._base import Backend
from cutedl_xp.backends._cupy_kernels import (
    cast_floats,
    copy_kernel,
    fuse_add_bias,
    fuse_function,
    fuse_rule,
)
from cutedl_xp.backends._cupy_reductions import largest_magnitude, own_reductions, sum_along, sum_of_squares
from cutedl_xp.backends._rules import Elementwise, Rule, is_module_level, rule_outputs
from cutedl_xp.backends._steps import StepFunction, Tree

_GRAPHS = "CUTEDL_XP_GRAPHS"


class CupyBackend(Backend):
    """CuPy arrays on a CUDA device, which becomes the current device of the calling thread.

    The default is the current device, which is 0 in a new thread.
    """

    name = "cupy"
    reduces_runs = True
    compiles_steps = True

    def __init__(self, device: str | None = None) -> None:
        self._cupy = cupy = _cuda.import_cupy()
        import array_api_compat.cupy

        self.xp = cast(Namespace, array_api_compat.cupy)
        self.version = cupy.__version__
        self.device = cupy.cuda.Device(_cuda.device_index(cupy, device, _cuda.device_count(cupy)))
        _cuda.use(cupy, self.device, functools.partial(_compute_once, cupy, self.device.id))

    @classmethod
    def of(cls, array: Any) -> Backend:
        with array.device:  # restores the thread's current device afterwards
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

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        with self.device, own_reductions(self._cupy):
            yield

    def why_not_by_default(self) -> str | None:
        wanted = os.environ.get(_GRAPHS) or "0"
        if wanted not in ("0", "1"):
            raise ValueError(f"${_GRAPHS} must be 1 (steps as CUDA graphs) or 0 (none, the default); got {wanted!r}")
        return None if wanted == "1" else f"${_GRAPHS} is not 1"

    def run_steps(
        self, step: StepFunction, state: Tree, constants: Tree, inputs: Tree, count: int
    ) -> tuple[Tree, Callable[[], None]]:
        with self.active():
            return state, _graphs.run_steps(self._cupy, step, state, constants, inputs, count)

    def row(self, array: Any, index: Any) -> Array:
        row: Array = array[index] if isinstance(index, int) else array.take(index, axis=0)
        return row

    def write(self, target: Any, source: Any) -> Array:
        copy_kernel(self._cupy)(source, target)  # a kernel, because graphs are built without copies
        return cast(Array, target)

    @property
    def float32_products(self) -> str:
        chosen = self._cupy._core._routines_linalg
        name: str = chosen.compute_type_to_str(chosen.get_compute_type("f"))
        return "TF32, chosen by $CUPY_TF32" if name == "COMPUTE_TYPE_TF32" else "float32"

    def matmul(self, a: Any, b: Any, out: Any = None) -> Array:
        product: Any = _cublas.matmul(self._cupy, a, b, out)
        if product is None:
            product = self._cupy.matmul(a, b, out=out)
        return cast(Array, product)

    def sum(self, array: Any, axis: int | None = None, keepdims: bool = False, out: Any = None) -> Array:
        total: Array = sum_along(self._cupy, array, axis, keepdims, out)
        return total

    def convert(self, array: Any, dtype: Any, scale: float | None) -> Array:
        if scale is None:
            return super().convert(array, dtype, scale)
        product: Array = self._cupy.multiply(array, scale, dtype=dtype)  # one kernel, not two
        return product

    def elementwise(self, function: Elementwise, *arguments: Any) -> Any:
        if not self._can_fuse(function):
            return super().elementwise(function, *arguments)
        return fuse_function(self._cupy, function)(*cast_floats(arguments))

    def add_bias(self, product: Array, bias: Array, function: Elementwise) -> Array:
        if not self._can_fuse(function):
            return super().add_bias(product, bias, function)
        activated: Array = fuse_add_bias(self._cupy, function)(product, bias)
        return activated

    def scaled_squares(self, arrays: Sequence[Any]) -> tuple[Any, Array]:
        if not self.fused or any(not array.size for array in arrays):
            return super().scaled_squares(arrays)
        cupy = self._cupy
        scale = functools.reduce(cupy.maximum, [largest_magnitude(cupy, array) for array in arrays])
        return scale, functools.reduce(operator.add, [sum_of_squares(cupy, array, scale) for array in arrays])

    def apply_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[Any], decay: float = 0.0, *, donate: bool = False
    ) -> Sequence[Array]:
        if not (donate and self._can_fuse(rule)):
            return super().apply_rule(rule, arrays, scalars, decay, donate=donate)
        kernel = fuse_rule(self._cupy, rule, len(arrays), decay != 0.0, in_place=True)
        kernel(*cast_floats([*arrays, *scalars, decay]))
        return rule_outputs(arrays)

    def _run_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[float], decay: float
    ) -> tuple[Array, ...]:
        if not self._can_fuse(rule):
            return super()._run_rule(rule, arrays, scalars, decay)
        kernel = fuse_rule(self._cupy, rule, len(arrays), decay != 0.0, in_place=False)
        results: tuple[Array, ...] = kernel(*cast_floats([*arrays, *scalars, decay]))
        return results

    def without_subnormals(self, array: Array) -> Array:
        return array  # GPUs process subnormal numbers at full speed

    def _can_fuse(self, function: Callable[..., Any]) -> bool:
        """Return whether a function may be compiled into a kernel that is kept."""
        return self.fused and is_module_level(function)


@functools.cache
def _compute_once(cupy: Any, index: int) -> None:
    """Run typical operations of a training on a device, so that CuPy loads CUDA's libraries and compiles kernels."""
    ones = cupy.ones((2, 2), dtype="float32")
    with own_reductions(cupy):
        activated = fuse_add_bias(cupy, _half)(_cublas.matmul(cupy, ones, ones), ones[0])
        sum_along(cupy, activated, 0, keepdims=False, out=None).get()


def _half(xp: Namespace, x: Array) -> Array:
    return x * 0.5
