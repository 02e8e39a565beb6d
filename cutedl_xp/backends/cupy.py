"""CuPy on a CUDA GPU."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._arrays import gpu_in_words
from cutedl_xp.backends._base import Backend, BackendUnavailable, Elementwise, Rule, written

_INSTALL = 'pip install "cutedl_xp[cuda13]" (or [cuda12], to match the NVIDIA driver)'


class CupyBackend(Backend):
    """CuPy arrays on one CUDA device, which becomes the calling thread's current device."""

    name = "cupy"

    def __init__(self, device: str | None = None) -> None:
        try:
            import cupy  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            what = "is not installed" if error.name == "cupy" else f"cannot be imported ({_first_line(error)})"
            raise BackendUnavailable(f"CuPy {what}: {_INSTALL}") from error
        import array_api_compat.cupy

        self._cupy = cupy
        self.xp = cast(Namespace, array_api_compat.cupy)
        self.version = cupy.__version__
        index = _device_index(device, _device_count(cupy))
        self.device = cupy.cuda.Device(index)
        self.device.use()
        _compute_once(cupy, index)

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

    def matmul(self, a: Any, b: Any, out: Any = None) -> Array:
        product: Array = self._cupy.matmul(a, b, out=out)
        return product

    def convert(self, array: Any, dtype: Any, scale: float | None) -> Array:
        if scale is None:
            return super().convert(array, dtype, scale)
        product: Array = self._cupy.multiply(array, scale, dtype=dtype)  # one kernel, not two
        return product

    def elementwise(self, function: Elementwise, *arguments: Any) -> Any:
        return _fused(self._cupy, function, None)(*_typed(arguments))

    def apply_rule(self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[float]) -> Sequence[Array]:
        _fused(self._cupy, rule, len(arrays))(*_typed([*arrays, *scalars]))
        return written(arrays)


def _typed(arguments: Sequence[Any]) -> list[Any]:
    """Floats in the first array's dtype: what stands between two Python numbers is fused in float16."""
    dtype = arguments[0].dtype.type
    return [dtype(argument) if isinstance(argument, float) else argument for argument in arguments]


@functools.cache
def _fused(cupy: Any, function: Callable[..., Any], arrays: int | None) -> Any:
    """An elementwise function as one kernel; of a rule of so many arrays it writes the results as well."""
    import array_api_compat.cupy as xp

    def pure(*arguments: Any) -> Any:
        return function(xp, *arguments)

    def in_place(*arguments: Any) -> None:
        for target, result in zip(written(arguments[:arrays]), function(xp, *arguments), strict=True):
            target[...] = result

    kernel_name = function.__name__.strip("<>")  # of a lambda: C has no such names
    return cupy.fuse(kernel_name=kernel_name)(pure if arrays is None else in_place)


def _device_count(cupy: Any) -> int:
    """How many CUDA devices answer, at least one."""
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendUnavailable(
            f"CuPy found no usable CUDA driver or device ({error}); install or update the NVIDIA driver, "
            "or run on the CPU with the backend 'numpy'"
        ) from error
    if count == 0:
        raise BackendUnavailable(
            "CuPy sees no CUDA device; check nvidia-smi and $CUDA_VISIBLE_DEVICES, "
            "or run on the CPU with the backend 'numpy'"
        )
    return count


def _device_index(device: str | None, count: int) -> int:
    """The number of the device that was asked for."""
    if device is None:
        return 0
    if not device.isdecimal() or int(device) >= count:
        raise ValueError(f"CUDA device {device!r} does not exist; the devices here are 0 to {count - 1}")
    return int(device)


def _first_line(error: Exception) -> str:
    """What CuPy says, without the pages of advice that follow."""
    return next((line.strip() for line in str(error).splitlines() if line.strip(" =")), type(error).__name__)


@functools.cache
def _compute_once(cupy: Any, index: int) -> None:
    """Refuse a CuPy without its CUDA libraries now: it imports and allocates, and fails in the first kernel."""
    try:
        ones = cupy.ones((2, 2), dtype="float32")
        (ones @ (ones + ones)).get()
    except Exception as error:  # a missing library surfaces as one of several unrelated exception types
        raise BackendUnavailable(f"CuPy cannot compute on this GPU ({_first_line(error)}): {_INSTALL}") from error
