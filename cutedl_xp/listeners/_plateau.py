"""Detection of a series of figures that has stopped improving, with memory of bounded size."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from cutedl_xp import _checks
from cutedl_xp.training.history import History


def check_mode(monitor: str, mode: str | None) -> str:
    """Return ``"min"`` or ``"max"``; None means ``"min"`` if a loss is monitored."""
    if mode is None and monitor.endswith("loss"):
        return "min"
    if mode is None:
        raise ValueError(
            f"`mode` must be 'min' or 'max' to monitor {monitor!r}; got None (a history records the losses, and each "
            "metric of the session under 'val_' and its name, such as 'val_accuracy')"
        )
    return _checks.check_one_of("mode", mode, ("min", "max"))


def signed(entry: float, mode: str) -> float:
    """Return an entry with the sign that makes smaller ones better; NaN is worse than any number."""
    if math.isnan(entry):
        return math.inf
    return entry if mode == "min" else -entry


class NewEntries:
    """Reader of a history that returns each entry once."""

    def __init__(self) -> None:
        self.reset()

    def reset(self, unread: int = 0) -> None:
        """Forget the history; ``unread`` is the number of its entries that are new if its training is resumed."""
        self._history: History | None = None
        self._monitor = ""
        self._seen, self._unread = 0, unread

    @property
    def unread(self) -> int:
        """Number of recorded entries that were not read yet."""
        return self._unread if self._history is None else len(self._history.series(self._monitor)) - self._seen

    def read(self, history: History, monitor: str) -> Sequence[float]:
        """Return the entries of a figure since the last call, and all entries of the history of another training.

        Raises
        ------
        ValueError
            If the figure is not recorded.
        """
        series = history.series(monitor)
        if history is not self._history:
            self._seen = max(history.resumed_at - self._unread, 0)
        new = series[self._seen :]
        self._history, self._monitor, self._seen = history, monitor, len(series)
        return new


class Plateau:
    """Summary of a figure: the best of the older entries, and the last ``patience`` entries.

    Parameters
    ----------
    mode
        ``"min"`` if less is better, ``"max"`` if more is better. NaN is worse than any number.
    patience
        Number of last entries to keep, at least 1.
    """

    def __init__(self, mode: str, patience: int) -> None:
        self._mode = mode
        self._patience = patience
        self.reset()

    def reset(self) -> None:
        """Forget all entries."""
        self._best: float | None = None
        self._last: list[float] = []

    @property
    def best(self) -> float:
        """Best of all entries, with the sign that makes smaller ones better; infinity without an entry."""
        return min([math.inf if self._best is None else self._best, *self._last])

    def add(self, entry: float) -> bool:
        """Add an entry, and return whether it is better than all entries before it."""
        value = signed(entry, self._mode)
        is_best = value < self.best
        self._last.append(value)
        while len(self._last) > self._patience:
            oldest = self._last.pop(0)
            self._best = oldest if self._best is None else min(self._best, oldest)
        return is_best

    def is_reached(self, min_delta: float) -> bool:
        """Return whether the last entries do not improve on the best older one by more than ``min_delta``."""
        return self._best is not None and not min(self._last) < self._best - min_delta

    def entries_left(self, min_delta: float) -> int:
        """Return the number of entries after which :meth:`is_reached` is true if no entry is better than before."""
        if not self._last:
            return self._patience + (self._best is None)
        smallest = [math.inf, *accumulate(reversed(self._last), min)][::-1]  # minimum of the entries from each place on
        best = math.inf if self._best is None else self._best
        known = self._best is not None
        for place, entry in enumerate(self._last):
            if known and not smallest[place] < best - min_delta:
                return place + self._patience - len(self._last) if place else 0
            best, known = min(best, entry), True
        return self._patience

    def state_dict(self) -> dict[str, Any]:
        """Return the entries as plain values."""
        return {"best": self._best, "last": list(self._last)}

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Restore the entries from a result of :meth:`state_dict`."""
        self._best, self._last = d["best"], list(d["last"])
