"""Median and quartiles of curves that begin and end at different positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Curve: TypeAlias = tuple[Sequence[float], Sequence[float]]
_MOST_POSITIONS = 400  # more than a picture can show


@dataclass(frozen=True)
class Band:
    """Median and quartiles of several curves: four lists of one length."""

    positions: list[float]
    low: list[float]
    median: list[float]
    high: list[float]


def band(curves: Sequence[Curve]) -> Band:
    """Return the median and the quartiles of curves, at the positions of their entries.

    The band begins at the first position where every curve has an entry, and ends where half of the curves have ended.
    A curve that has ended keeps its last value, and a curve is interpolated between two entries. A value that is not
    finite counts as larger than all others, because a diverged loss is worse than all others, and makes a median or
    quartile that depends on it infinite.

    Parameters
    ----------
    curves
        For each run its positions (steps or seconds, increasing) and its values. Curves without entries are ignored.

    Returns
    -------
    Band
        Median and quartiles; empty if half of the curves have ended before the last one begins.

    Examples
    --------
    >>> from cutedl_xp.plotting import medians
    >>> medians.band([([1, 2, 3], [5.0, 4.0, 3.0]), ([1, 2], [7.0, 6.0]), ([1], [float("nan")])])
    Band(positions=[1.0, 2.0], low=[6.0, 5.0], median=[7.0, 6.0], high=[inf, inf])
    """
    drawn = [(np.asarray(x, float), np.asarray(y, float)) for x, y in curves if len(x)]
    if not drawn:
        return Band([], [], [], [])
    positions = _choose_positions([x for x, _ in drawn])
    values = np.stack([_values_at(positions, x, y) for x, y in drawn])
    values.sort(axis=0)
    low, median, high = (_quantile(values, share).tolist() for share in (0.25, 0.5, 0.75))
    return Band(positions.tolist(), low, median, high)


def _choose_positions(entries: list[np.ndarray]) -> np.ndarray:
    """Return the positions of the band: entries of the curves, at most 400, evenly spaced on a logarithmic axis."""
    begin = max(x[0] for x in entries)
    end = sorted(x[-1] for x in entries)[(len(entries) - 1) // 2]
    merged: np.ndarray = np.unique(np.concatenate(entries))
    merged = merged[(merged >= begin) & (merged <= end)]
    if len(merged) <= _MOST_POSITIONS or merged[0] <= 0.0:
        return merged
    wanted = np.geomspace(merged[0], merged[-1], _MOST_POSITIONS)
    chosen: np.ndarray = merged[np.unique(np.searchsorted(merged, wanted).clip(max=len(merged) - 1))]
    return chosen


def _values_at(positions: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a curve's values at positions, infinite where they are not finite."""
    values: np.ndarray = np.interp(positions, x, np.where(np.isfinite(y), y, np.nan))
    values[~np.isfinite(values)] = np.inf
    return values


def _quantile(ordered: np.ndarray, share: float) -> np.ndarray:
    """Return a quantile of sorted rows like ``numpy.quantile``, which cannot interpolate infinite values."""
    place = share * (len(ordered) - 1)
    below, above = ordered[int(np.floor(place))], ordered[int(np.ceil(place))]
    weight = place - np.floor(place)
    between = np.isfinite(above) if weight else np.zeros(above.shape, bool)
    quantile = np.where(weight > 0.0, np.inf, below)
    quantile[between] = below[between] + weight * (above[between] - below[between])
    return quantile
