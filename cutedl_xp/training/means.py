"""Means over many batches, without a copy from the device for each batch and without drift in float32."""

import math
from collections.abc import Sequence
from itertools import islice
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
    on_host
        Whether a number was added that is on the host.
    """

    def __init__(self, backend: Backend, dtype: Any) -> None:
        self._backend, self._dtype = backend, dtype
        self.reset()

    def reset(self) -> None:
        """Forget all numbers."""
        self.size = 0
        self._host_sum, self.on_host = 0.0, False
        self._device_sums: tuple[Array, ...] = ()  # compensated, what rounding took from it, and plain

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
            self.on_host = True
            self._host_sum += float(value) * weight
        else:
            self._device_sums = add_to_sums(self._backend, self.device_sums, value, weight)

    @property
    def device_sums(self) -> tuple[Array, ...]:
        """Sums on the device: compensated, the part of it that rounding took, and plain."""
        if not self._device_sums:
            self._device_sums = (self._backend.xp.zeros((), dtype=self._dtype, device=self._backend.device),) * 3
        return self._device_sums

    def replace_sums(self, sums: Sequence[Array], size: int) -> None:
        """Take over sums that :func:`add_to_sums` has added to, and count ``size`` more samples."""
        self._device_sums, self.size = tuple(sums), self.size + size

    def state_dict(self) -> dict[str, Any]:
        """Return the sums and the size as plain numbers."""
        [sums] = _read_sums([self])
        return {"host_sum": self._host_sum, "device_sums": sums, "size": self.size}

    def load_state_dict(self, d: dict[str, Any]) -> None:
        """Go on from numbers that :meth:`state_dict` gave."""
        self.size, self._host_sum = d["size"], d["host_sum"]
        self._device_sums = tuple(self._backend.asarray(number, self._dtype) for number in d["device_sums"])

    @staticmethod
    def read(means: Sequence["RunningMean"]) -> list[float]:
        """Return the means as Python floats, combined in float64, with one copy from the device for all of them."""
        return [
            (mean._host_sum + _combine(sums)) / mean.size for mean, sums in zip(means, _read_sums(means), strict=True)
        ]


def add_to_sums(backend: Backend, sums: Sequence[Array], value: Any, weight: float) -> tuple[Array, ...]:
    """Return the sums of a :class:`RunningMean` with one number more, an array on the device, times its weight."""
    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite is reported, not raised
        added: tuple[Array, ...] = backend.elementwise(
            _add_compensated, *sums, backend.convert(value, sums[0].dtype, None), weight
        )
    return added


def _read_sums(means: Sequence[RunningMean]) -> list[list[float]]:
    """Return the sums of each mean that are on the device, as Python floats."""
    backend = means[0]._backend
    xp = backend.xp
    rows = [xp.stack(mean._device_sums) for mean in means if mean._device_sums]  # CuPy uploads a table for many arrays
    numbers = iter(backend.to_numpy(xp.concat(rows)).tolist() if rows else ())
    return [list(islice(numbers, len(mean._device_sums))) for mean in means]


def _combine(sums: Sequence[float]) -> float:
    """Return the compensated sum, or the plain one, which tells infinity from NaN, where that is not finite."""
    if not sums:
        return 0.0
    total, lost, plain = sums
    return total + lost if math.isfinite(total + lost) else plain


def _add_compensated(
    xp: Namespace, total: Array, lost: Array, plain: Array, value: Array, weight: float
) -> tuple[Array, ...]:
    """Return the sums with one number more."""
    weighted = value * weight
    added = weighted + lost
    larger = total + added
    return larger, added - (larger - total), plain + weighted
