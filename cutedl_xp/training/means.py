"""Means over many batches with compensated sums on the device."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Backend

SUMS = 4
"""Number of 0-d arrays of a mean on the device."""


@dataclass(frozen=True)
class Reading:
    """Value of a mean on the host.

    Attributes
    ----------
    value
        Mean.
    bad
        Number of terms from the first one that made the sum NaN or infinite, including this term; 0 if the sum is
        finite.
    """

    value: float
    bad: int


class RunningMean:
    """Mean of weighted numbers, whose sum stays on the device until it is read.

    On a device the sum is compensated (Kahan, "Further remarks on reducing truncation errors", 1965): a second number
    holds the rounding error of the first. Numbers on the host are summed in float64. The terms since the sum became NaN
    or infinite are counted, in float32 up to 2**24.

    Parameters
    ----------
    backend, dtype
        Backend of the numbers, and the dtype of their sum.

    Attributes
    ----------
    size
        Number of samples, or sum of their weights.
    on_host
        Whether a number on the host was added.
    """

    def __init__(self, backend: Backend, dtype: Any) -> None:
        self._backend, self._dtype = backend, dtype
        self.reset()

    def reset(self) -> None:
        """Forget all numbers."""
        self.size: float = 0
        self._host_sum, self._host_bad, self.on_host = 0.0, 0, False
        self._device_sums: tuple[Array, ...] = ()

    def add_mean(self, mean: Any, size: float) -> None:
        """Add the ``mean`` of a batch, a Python float or a 0-d floating-point array.

        The ``size`` is the number of samples of the batch, or the sum of their weights.
        """
        self._add(mean, 1.0 * size)
        self.size += size

    def add_sum(self, total: Any, size: float) -> None:
        """Add the sum ``total`` over a batch of ``size`` samples; float32 sums integers below 2**24 exactly."""
        self._add(total, 1.0)
        self.size += size

    def _add(self, value: Any, weight: Any) -> None:
        if _is_on_host(value):
            self.on_host = True
            self._host_sum += float(value) * weight
            if not math.isfinite(self._host_sum):
                self._host_bad += 1
        else:
            self._device_sums = add_to_sums(self._backend, self.device_sums, value, weight)

    @property
    def device_sums(self) -> tuple[Array, ...]:
        """Numbers on the device: the compensated sum, its rounding error, the plain sum, and a count.

        The count is the number of terms from the first one that made the plain sum NaN or infinite.
        """
        if not self._device_sums:
            self._device_sums = (self._backend.xp.zeros((), dtype=self._dtype, device=self._backend.device),) * SUMS
        return self._device_sums

    def replace_sums(self, sums: Sequence[Array], size: float) -> None:
        """Replace the sums by ``sums``, results of :func:`add_to_sums`, and count ``size`` more samples."""
        self._device_sums, self.size = tuple(sums), self.size + size

    def state_dict(self) -> dict[str, Any]:
        """Return the sums and the size as plain numbers."""
        [sums], _ = _read_sums([self], ())
        return {"host_sum": self._host_sum, "host_bad": self._host_bad, "device_sums": sums, "size": self.size}

    def load_state_dict(self, d: dict[str, Any]) -> None:
        """Restore the numbers ``d`` from :meth:`state_dict`."""
        self.size, self._host_sum, self._host_bad = d["size"], d["host_sum"], d["host_bad"]
        self._device_sums = tuple(self._backend.asarray(number, self._dtype) for number in d["device_sums"])

    @staticmethod
    def read(means: Sequence["RunningMean"]) -> list[float]:
        """Return ``means`` as Python floats, combined in float64, with a single copy from the device."""
        readings, _ = read_together(means, ())
        return [reading.value for reading in readings]


def read_together(means: Sequence[RunningMean], others: Sequence[Any]) -> tuple[list[Reading], list[float]]:
    """Return means and other numbers with a single copy from the device.

    Parameters
    ----------
    means
        Means of the same backend and dtype.
    others
        0-d arrays of this dtype, or numbers on the host.
    """
    sums_of_means, numbers = _read_sums(means, others)
    readings = []
    for mean, sums in zip(means, sums_of_means, strict=True):
        bad = max(mean._host_bad, int(sums[3]) if sums else 0)
        total = mean._host_sum + _combine(sums)
        readings.append(Reading(total / mean.size if mean.size else total, bad))  # all weights may be 0
    return readings, numbers


def add_to_sums(backend: Backend, sums: Sequence[Array], value: Any, weight: Any) -> tuple[Array, ...]:
    """Return the sums of a :class:`RunningMean` after another term.

    Parameters
    ----------
    backend
        Backend of the sums.
    sums
        Sums before.
    value, weight
        Term, an array on the device, and its weight.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite is reported, not raised
        added: tuple[Array, ...] = backend.elementwise(
            _add_compensated, *sums, backend.convert(value, sums[0].dtype, None), weight
        )
    return added


def _read_sums(means: Sequence[RunningMean], others: Sequence[Any]) -> tuple[list[list[float]], list[float]]:
    """Return the sums on the device of each mean, and the other numbers, as Python floats."""
    backend = means[0]._backend
    xp = backend.xp
    rows = [xp.stack(mean._device_sums) for mean in means if mean._device_sums]  # CuPy uploads a table for many arrays
    rows += [xp.reshape(number, (1,)) for number in others if not _is_on_host(number)]
    numbers = iter(backend.to_numpy(xp.concat(rows)).tolist() if rows else ())
    sums = [list(islice(numbers, len(mean._device_sums))) for mean in means]
    return sums, [float(number) if _is_on_host(number) else next(numbers) for number in others]


def _is_on_host(number: Any) -> bool:
    return isinstance(number, float | np.generic)


def _combine(sums: Sequence[float]) -> float:
    """Return the compensated sum, or if it is not finite the plain sum, which distinguishes infinity from NaN."""
    if not sums:
        return 0.0
    total, lost, plain, _ = sums
    return total + lost if math.isfinite(total + lost) else plain


def _add_compensated(
    xp: Namespace, total: Array, lost: Array, plain: Array, bad: Array, value: Array, weight: float
) -> tuple[Array, ...]:
    """Return the sums and the count after another term."""
    weighted = value * weight
    added = weighted + lost
    larger = total + added
    plain = plain + weighted
    return larger, added - (larger - total), plain, xp.where(xp.isfinite(plain), bad, bad + 1.0)
