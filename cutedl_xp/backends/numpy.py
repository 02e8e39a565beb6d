"""NumPy on the CPU: the backend that everything else is measured against."""

from collections.abc import Sequence
from typing import Any, cast

import array_api_compat.numpy
import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._base import Backend, Rule, written

_BLOCK = 16_384
"""Elements a block of a rule: a dozen float32 temporaries of it stay within a core's second-level cache."""


class NumpyBackend(Backend):
    """NumPy arrays on the host."""

    name = "numpy"
    xp = cast(Namespace, array_api_compat.numpy)
    device = "cpu"
    version = np.__version__

    def __init__(self, device: str | None = None) -> None:
        if device not in (None, "cpu"):
            raise ValueError(f"the backend 'numpy' has no device {device!r}; it runs on 'cpu': use 'numpy'")

    def owns(self, obj: Any) -> bool:
        return isinstance(obj, (np.ndarray, np.generic))

    def _from_numpy(self, array: np.ndarray) -> Array:
        return array

    def to_numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def writable(self, array: Any) -> bool:
        return bool(array.flags.writeable)

    def matmul(self, a: Any, b: Any, out: Any = None) -> Array:
        product: np.ndarray = np.matmul(a, b, out=out)
        return product

    def convert(self, array: Any, dtype: Any, scale: float | None) -> Array:
        if scale is None:
            return super().convert(array, dtype, scale)
        product: np.ndarray = np.multiply(array, scale, dtype=dtype)  # one pass, where astype and a product are two
        return product

    def apply_rule(self, rule: Rule, arrays: Sequence[Any], scalars: Sequence[float]) -> Sequence[Array]:
        if arrays[0].size <= _BLOCK or not all(array.flags.c_contiguous for array in arrays):
            return super().apply_rule(rule, arrays, scalars)
        flat = [array.reshape(-1) for array in arrays]
        for start in range(0, flat[0].size, _BLOCK):
            super().apply_rule(rule, [array[start : start + _BLOCK] for array in flat], scalars)
        return written(arrays)
