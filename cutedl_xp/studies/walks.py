"""Paths of optimizers on surfaces, with their ends and CSV files."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.studies import optimizer_text
from cutedl_xp.studies.surfaces import Floats, Point, Surface

_MOST_STEPS = 100_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """Path of one optimizer on a surface.

    Attributes
    ----------
    optimizer
        Text of the optimizer.
    surface
        Surface of the path.
    points
        Coordinates before the first update and after each update, an array of shape (updates + 1, 2). The path ends at
        the first point with a coordinate or a value that is not finite.
    values
        Values of the surface at the points.
    """

    optimizer: str
    surface: Surface
    points: Floats
    values: Floats

    @property
    def steps(self) -> int:
        """Number of updates."""
        return len(self.points) - 1

    @cached_property
    def inside(self) -> NDArray[np.intp]:
        """Indices of the points that the window contains, including the start."""
        return np.flatnonzero(self.surface.shows(self.points))

    @property
    def nearest(self) -> tuple[int, float]:
        """Index of the minimum nearest to the end in the surface's minima, and its distance."""
        distances = [float(np.hypot(*(self.points[-1] - minimum))) for minimum in self.surface.minima]
        place = int(np.argmin(distances))
        return place, distances[place]

    @property
    def remark(self) -> str:
        """Remark on a path that left the window or became infinite or NaN; empty for other paths."""
        if not np.isfinite(self.values[-1]):
            return f"not finite at step {self.steps}"
        if self.inside[-1] < self.steps:
            return f"outside the picture from step {self.inside[-1] + 1} on"
        outside = len(self.points) - len(self.inside)
        return f"outside the picture at {outside} of {self.steps} steps" if outside else ""


def walk(optimizer: str, surface: Surface, *, start: Point | None = None, steps: int | None = None) -> Walk:
    """Minimize a surface with an optimizer, with the exact gradient and in float64.

    Parameters
    ----------
    optimizer
        Text of the optimizer, see :mod:`cutedl_xp.studies.optimizer_text`.
    surface
        Function to minimize.
    start
        Coordinates of the start, which the surface's window must contain. The default is the surface's own start.
    steps
        Number of updates, from 1 to 100,000. The default is the surface's own number.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type or is out of range.

    Examples
    --------
    >>> from cutedl_xp.studies import surfaces, walks
    >>> path = walks.walk("adam(lr=0.1)", surfaces.SURFACES["ravine"])
    >>> path.steps, path.points.shape, bool(path.values[-1] < 1e-3)
    (150, (151, 2), True)
    """
    steps = surface.steps if steps is None else check_steps(steps)
    w = np.array(surface.start if start is None else check_start(start, surface), dtype=np.float64)
    rule = optimizer_text.make(optimizer)
    state = rule.init(w)
    points, values = [w], [float(surface.value(*w))]
    with np.errstate(all="ignore"):  # a diverging path ends with infinite values
        while len(points) <= steps and np.isfinite(values[-1]):
            gradient = np.array(surface.gradient(*w), dtype=np.float64)
            w, state = rule.update(w, gradient, state)
            points.append(w)
            values.append(float(surface.value(*w)))
    text = optimizer_text.canonical(optimizer)
    return Walk(optimizer=text, surface=surface, points=np.array(points), values=np.array(values))


def check_steps(steps: int) -> int:
    """Return a number of updates between 1 and 100,000."""
    steps = _checks.check_integer("steps", steps, at_least=1)
    if steps > _MOST_STEPS:
        raise ValueError(f"`steps` must be at most {_MOST_STEPS}; got {steps}")
    return steps


def check_start(start: Point, surface: Surface) -> Point:
    """Return ``start`` after a check that the window of the surface contains it."""
    x, y = (_checks.check_real("start", value) for value in start)
    if not surface.shows(np.array([[x, y]]))[0]:
        left, right, bottom, top = surface.window
        raise ValueError(
            f"`start` on {surface.name!r} must have x from {left:g} to {right:g} and y from {bottom:g} to {top:g}; "
            f"got {x:g},{y:g}"
        )
    return x, y


def write_csv(walks: Sequence[Walk], path: str | os.PathLike[str]) -> None:
    """Write all points of the paths to a CSV file atomically.

    The numbers are written with all their digits.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("optimizer", "step", "x", "y", "value"))
    for each in walks:
        rows = zip(each.points.tolist(), each.values.tolist(), strict=True)
        writer.writerows((each.optimizer, step, *point, value) for step, (point, value) in enumerate(rows))
    write_atomically(path, text.getvalue().encode())
