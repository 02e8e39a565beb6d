"""End of a run as plain values, and axes of accuracies."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cutedl_xp.plotting import figures

if TYPE_CHECKING:
    from matplotlib.axis import Axis

_FINE = (1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
_COARSE = (1.0, 2.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class RunEnd:
    """End of a run, with the values that pictures show.

    Parameters
    ----------
    accuracy
        Final accuracy; default None, unknown. Give 0 for a run whose loss became NaN or infinite.
    steps_to_target, seconds_to_target
        Steps and seconds until the target was reached; default infinity, which means never.
    finite
        Whether the loss and the parameters stayed finite, default True.
    inactive
        Whether output units were permanently inactive, default False.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> plotting.RunEnd(accuracy=0.92, steps_to_target=938, inactive=True).failures
    ['inactive output units']
    """

    accuracy: float | None = None
    steps_to_target: float = math.inf
    seconds_to_target: float = math.inf
    finite: bool = True
    inactive: bool = False

    @property
    def failures(self) -> list[str]:
        """Kinds of failure, as in ``looks.FAILURES``."""
        return ["not finite"] * (not self.finite) + ["inactive output units"] * self.inactive


def known_accuracies(ends: Iterable[RunEnd]) -> list[float]:
    """Return the accuracies that are known and finite."""
    return [end.accuracy for end in ends if end.accuracy is not None and math.isfinite(end.accuracy)]


def median(values: Sequence[float]) -> float:
    """Return the median of numbers that may be infinite; NaN without numbers."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else (low + high) / 2.0


def use_accuracies(axis: "Axis", values: Sequence[float]) -> None:
    """Spread accuracies near 1 by the logarithm of the error; accuracies of exactly 1 need a linear axis."""
    if not values or max(values) >= 1.0:
        return
    axis._set_axes_scale("function", functions=(_spread, _gather))  # type: ignore[attr-defined]
    low, high = sorted(axis.get_view_interval())
    decades = _spread(np.asarray(high)) - _spread(np.asarray(low))
    if decades > 0.3:
        ticker = figures.import_matplotlib("ticker")
        parts = _FINE if decades < 1.5 else _COARSE
        errors = [part * 10.0**-power for power in range(1, 9) for part in parts] + [1.0]
        axis.set_major_locator(ticker.FixedLocator(sorted(round(1.0 - error, 10) for error in errors)))
        axis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))


def _spread(accuracy: np.ndarray) -> np.ndarray:
    return -np.log10(np.maximum(1.0 - np.asarray(accuracy), 1e-12))


def _gather(spread: np.ndarray) -> np.ndarray:
    return 1.0 - 10.0 ** -np.asarray(spread)
