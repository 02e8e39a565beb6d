"""Pictures of paths on a function of two variables."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cutedl_xp.plotting import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

OUTSIDE_LABEL = "outside the picture or not finite"
_MARKERS = "os^Dvph<>d*"
_SHADES = (0.8, 1.0)  # greys of the lowest and of the highest value
_LINES = "0.62"
_WIDTH = 9.0  # inches
_LEVELS = 18
_HIGHEST = 1e12
_GRID = 241  # points in each direction


class Ground(Protocol):
    """Function of two variables, the part of the plane to draw, and the minima."""

    @property
    def name(self) -> str:
        """Name in the title."""

    @property
    def formula(self) -> str:
        """Formula in the title."""

    @property
    def value(self) -> Callable[[Any, Any], Any]:
        """Function, elementwise for arrays of x and y."""

    @property
    def window(self) -> tuple[float, float, float, float]:
        """Lowest x, highest x, lowest y and highest y."""

    @property
    def minima(self) -> Sequence[tuple[float, float]]:
        """All minima, the lowest first."""


class Path(Protocol):
    """Points that one optimizer visited."""

    @property
    def optimizer(self) -> str:
        """Label of the path."""

    @property
    def points(self) -> NDArray[np.float64]:
        """Coordinates of the points, an array with a row for each point."""

    @property
    def values(self) -> NDArray[np.float64]:
        """Values of the function at the points."""

    @property
    def inside(self) -> NDArray[np.intp]:
        """Numbers of the points within the window."""


def draw(ground: Ground, paths: Sequence[Path]) -> "Figure":
    """Draw paths on the contours of a function, and the values against the steps in a second panel.

    The end of a path has the marker of its optimizer, or a cross if the path left the picture or was not finite.

    Parameters
    ----------
    ground
        Function that the paths descend, such as a :class:`cutedl_xp.studies.surfaces.Surface`.
    paths
        Paths from one start, such as :class:`cutedl_xp.studies.walks.Walk` objects.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    labels = [path.optimizer for path in paths]
    size = (_WIDTH, 4.4 + 0.22 * math.ceil((len(labels) + 3) / count_columns(labels, _WIDTH)))
    figure: Figure = figures.import_matplotlib("figure").Figure(figsize=size, dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
    draw_ground(left, ground)
    mark_ground(left, ground, paths[0].points[0])
    lowest = float(ground.value(*ground.minima[0]))
    for path, style, marker in zip(paths, *make_looks(len(paths)), strict=True):
        x, y = path.points[: path.inside[-1] + 2].T  # a line between two points outside could cross the picture
        left.plot(x, y, **style)
        right.plot(path.values - lowest, label=path.optimizer, **style)
        mark_end(left, path.points[path.inside[-1]], style, "X" if ends_outside(path) else marker)
        _mark_last_value(right, path.values - lowest, style, marker)
    _finish_values(right, lowest)
    figure.suptitle(f"{ground.name}: {ground.formula}", parse_math=False)
    add_legend(figure, labels, crossed=any(map(ends_outside, paths)))
    return figure


def draw_ground(panel: "Axes", ground: Ground) -> None:
    """Draw the contours of a function in greys."""
    left, right, bottom, top = ground.window
    x, y = np.meshgrid(np.linspace(left, right, _GRID), np.linspace(bottom, top, _GRID))
    values = ground.value(x, y)
    # Between two quantiles lies a fixed share of the picture; the small shares of low values show the valleys.
    levels = np.unique(np.quantile(values, np.concatenate(([0.0], np.geomspace(0.004, 1.0, _LEVELS)))))
    greys = [str(round(grey, 3)) for grey in np.linspace(*_SHADES, len(levels) - 1)]
    panel.contourf(x, y, values, levels=levels, colors=greys)
    panel.contour(x, y, values, levels=levels, colors=_LINES, linewidths=0.5, linestyles="solid")
    panel.set(xlim=(left, right), ylim=(bottom, top), xlabel="x", ylabel="y")


def mark_ground(panel: "Axes", ground: Ground, start: Iterable[float]) -> None:
    """Draw a dot at the start and a plus at each minimum, above everything else."""
    x, y = start
    panel.scatter([x], [y], marker="o", color="black", s=25, zorder=4)
    x, y = np.array(ground.minima).T
    panel.scatter(x, y, marker="+", color="black", s=100, linewidths=1.4, zorder=4)


def make_looks(number: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a line style and a marker for each path; later lines are thinner, so that no line hides another."""
    return figures.make_styles(number), [_MARKERS[index % len(_MARKERS)] for index in range(number)]


def ends_outside(path: Path) -> bool:
    """Return whether the picture does not show the end of a path."""
    return bool(path.inside[-1] < len(path.points) - 1)


def mark_end(panel: "Axes", point: Iterable[float], style: dict[str, Any], marker: str) -> "PathCollection":
    """Draw a mark that is larger for a thicker line, so that no mark hides another."""
    x, y = point
    size = (5.0 + 2.2 * style["linewidth"]) ** 2
    look: dict[str, Any] = {"edgecolors": "white", "linewidths": 0.8, "zorder": 3}
    return panel.scatter([x], [y], color=style["color"], s=size, marker=marker, **look)


def add_legend(figure: "Figure", labels: Sequence[str], *, crossed: bool) -> None:
    """Add a legend below the panels: line and marker of each path, start, minima and the cross."""
    lines = figures.import_matplotlib("lines")
    handles = [
        lines.Line2D([], [], marker=marker, markeredgecolor="white", markersize=8, label=label, **style)
        for label, style, marker in zip(labels, *make_looks(len(labels)), strict=True)
    ]
    marks = [("o", "start", 5), ("+", "minimum", 10)] + [("X", OUTSIDE_LABEL, 9)] * crossed
    for marker, label, size in marks:
        handles.append(lines.Line2D([], [], marker=marker, color="black", linestyle="none", markersize=size))
        handles[-1].set_label(label)
    columns = count_columns(labels, figure.get_figwidth())
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, handlelength=3.6)


def count_columns(labels: Sequence[str], width: float) -> int:
    """Return the number of columns of a legend of a width in inches, which depends on the longest label."""
    return max(1, min(4, int(12.5 * width) // (max(map(len, labels)) + 8)))


def _mark_last_value(panel: "Axes", values: NDArray[np.float64], style: dict[str, Any], marker: str) -> None:
    """Draw a mark at the last finite value, unless the panel ends above it."""
    finite = np.flatnonzero(np.isfinite(values))
    last = finite[-1]
    shown = min(float(values[last]), _HIGHEST)
    if shown < 1.0 / _HIGHEST:
        return
    mark_end(panel, (float(last), shown), style, marker if last == len(values) - 1 else "X").set_clip_on(False)


def _finish_values(panel: "Axes", lowest: float) -> None:
    """Use a logarithmic axis of values, limited to 1e-12 to 1e12."""
    panel.set(xlabel="steps", ylabel="value" if lowest == 0.0 else f"value above the lowest, {lowest:g}")
    panel.set_yscale("log", nonpositive="mask")
    bottom, top = panel.get_ylim()
    panel.set_ylim(max(bottom, 1.0 / _HIGHEST), min(top, _HIGHEST))
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
