"""array-api-strict: exactly the Array API standard, on devices that refuse implicit copies to the host."""

import contextlib
from typing import Any, cast

import array_api_strict
import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._base import Backend

_HOST = "CPU_DEVICE"
_DEVICES = (_HOST, "device1", "device2")


class ArrayApiStrictBackend(Backend):
    """array-api-strict arrays, for tests of portability, above all on ``device1``."""

    name = "array_api_strict"
    xp = cast(Namespace, array_api_strict)
    version = array_api_strict.__version__

    def __init__(self, device: str | None = None) -> None:
        if device is not None and device not in _DEVICES:
            raise ValueError(
                f"the backend 'array_api_strict' has no device {device!r}; it has {', '.join(map(repr, _DEVICES))}"
            )
        self.device = array_api_strict.Device(device or _HOST)

    @classmethod
    def _device_name(cls, device: Any) -> str:
        return next(name for name in _DEVICES if array_api_strict.Device(name) == device)

    def devices(self) -> list[str]:
        return list(_DEVICES)

    def ignore_underflow(self) -> contextlib.AbstractContextManager[object]:
        return np.errstate(under="ignore")  # array-api-strict computes with NumPy

    def owns(self, obj: Any) -> bool:
        return isinstance(obj, type(self.xp.empty(0))) and obj.device == self.device

    def _from_numpy(self, array: np.ndarray) -> Array:
        return self.xp.asarray(array, device=self.device)

    def to_numpy(self, array: Array) -> np.ndarray:
        return np.asarray(self.xp.asarray(array, device=array_api_strict.Device(_HOST)))
