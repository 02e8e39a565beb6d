"""Means over many batches, without a copy from the device for each batch and without drift in float32."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Backend


class RunningMean:
    """Mean of numbers with weights, whose sum stays on the device until it is read.

    On a device the sum is compensated (Kahan, "Further remarks on reducing truncation errors", 1965): a second number
    holds what rounding took from the first. Numbers that are on the host already are summed in float64.

    Parameters
    ----------
    backend, dtype
        Backend of the numbers, and the dtype of their sum.

    Attributes
    ----------
    size
        Samples that the mean is over.
    """

    def __init__(self, backend: Backend, dtype: Any) -> None:
        self._backend, self._dtype = backend, dtype
        self.reset()

    def reset(self) -> None:
        """Forget all numbers."""
        self.size = 0
        self._host_sum = 0.0
        self._sum: Array | None = None
        self._lost: Array | None = None

    def add_mean(self, mean: Any, size: int) -> None:
        """Add the mean of a batch of ``size`` samples, as a Python float or a 0-d floating-point array."""
        self._add(mean, float(size))
        self.size += size

    def add_sum(self, total: Any, size: int) -> None:
        """Add the sum over a batch of ``size`` samples; whole numbers below 2**24 are summed exactly in float32."""
        self._add(total, 1.0)
        self.size += size

    def _add(self, value: Any, weight: float) -> None:
        if isinstance(value, float | np.generic):
            self._host_sum += float(value) * weight
            return
        if self._sum is None:
            self._sum = self._lost = self._backend.xp.zeros((), dtype=self._dtype, device=self._backend.device)
        value = self._backend.convert(value, self._dtype, None)
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite is reported, not raised
            self._sum, self._lost = self._backend.elementwise(_add_compensated, self._sum, self._lost, value, weight)

    def state_dict(self) -> dict[str, float]:
        """Return the sums and the size as plain numbers."""
        total, lost = self._read([self])
        return {"host_sum": self._host_sum, "sum": total, "lost": lost, "size": self.size}

    def load_state_dict(self, d: dict[str, float]) -> None:
        """Go on from numbers that :meth:`state_dict` gave."""
        self.reset()
        self.size, self._host_sum = int(d["size"]), float(d["host_sum"])
        if d["sum"] != 0.0 or d["lost"] != 0.0:
            self._sum, self._lost = (self._backend.asarray(float(d[key]), self._dtype) for key in ("sum", "lost"))

    @staticmethod
    def read(means: Sequence["RunningMean"]) -> list[float]:
        """Return the means as Python floats, combined in float64, with one copy from the device for all of them."""
        numbers = RunningMean._read(means)
        pairs = zip(means, numbers[::2], numbers[1::2], strict=True)
        return [(mean._host_sum + total + lost) / mean.size for mean, total, lost in pairs]

    @staticmethod
    def _read(means: Sequence["RunningMean"]) -> list[float]:
        """Return each sum and what it lost, as Python floats."""
        backend = means[0]._backend
        arrays = [array for mean in means for array in (mean._sum, mean._lost) if array is not None]
        read = iter(backend.to_numpy(backend.xp.stack(arrays)).tolist() if arrays else ())
        return [next(read) if array is not None else 0.0 for mean in means for array in (mean._sum, mean._lost)]


def _add_compensated(xp: Namespace, total: Array, lost: Array, value: Array, weight: float) -> tuple[Array, Array]:
    """Return the sum with one number more, and what rounding took from it."""
    added = value * weight + lost
    larger = total + added
    rest = added - (larger - total)
    return larger, xp.where(rest == rest, rest, 0.0)  # an infinite sum stays infinite; inf - inf would make it NaN
