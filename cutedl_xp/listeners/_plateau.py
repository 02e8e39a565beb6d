"""When a series of figures has stopped to improve."""

import math
from collections.abc import Sequence

from cutedl_xp import _checks


def checked_mode(monitor: str, mode: str | None) -> str:
    """``"min"`` or ``"max"``; None stands for the former if it is a loss that is monitored."""
    if mode is None and monitor.endswith("loss"):
        return "min"
    if mode is None:
        raise ValueError(f"`mode` must be 'min' or 'max' to monitor {monitor!r}; got None")
    return _checks.check_one_of("mode", mode, ("min", "max"))


def stalled(series: Sequence[float], mode: str | None, patience: int, min_delta: float) -> bool:
    """Whether the best of the last ``patience`` is not better than the best before by more than ``min_delta``."""
    sign = 1.0 if mode == "min" else -1.0
    entries = [math.inf if math.isnan(x) else sign * x for x in series]
    before, last = entries[:-patience], entries[-patience:]
    return bool(before) and not min(last) < min(before) - min_delta
