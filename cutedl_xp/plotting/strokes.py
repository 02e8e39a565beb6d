"""Elements of a panel of many runs: thin lines, medians, bands, marks of failures, and their legend."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from cutedl_xp.plotting import figures, looks, medians
from cutedl_xp.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Groups: TypeAlias = Mapping[str, Sequence[History]]
# For each series: the label of its axis, and the function to draw.
SERIES: dict[str, tuple[str, Callable[[float], float]]] = {
    "val_loss": ("validation loss", float),
    "val_accuracy": ("validation error (1 - accuracy)", lambda accuracy: 1.0 - accuracy),
}
THICK = 2.2
_MANY_RUNS = 40  # in one panel
_BAND: dict[str, Any] = {"alpha": 0.16, "linewidth": 0}
_HEADROOM = 4.0


def read_curves(runs: Sequence[History], name: str, positions: str) -> list[medians.Curve]:
    """Return positions and values of one series of the runs that recorded it."""
    convert = SERIES[name][1]
    recorded = [run for run in runs if name in run.recorded]
    return [(getattr(run, positions), list(map(convert, run.series(name)))) for run in recorded]


def draw_runs(
    panel: "Axes",
    runs: Sequence[History],
    name: str,
    positions: str,
    colour: str,
    inactive: Sequence[History],
    many: bool,
) -> set[str]:
    """Draw all runs with thin lines and marks at the ends of failed runs, and return the kinds of the marks."""
    recorded = [run for run in runs if name in run.recorded]
    shown = set()
    for run, (x, y) in zip(recorded, read_curves(recorded, name, positions), strict=True):
        marker = "." if len(x) == 1 else ""  # a line of a single entry is invisible without a mark
        panel.plot(x, leave_gaps(y), label="_run", color=colour, marker=marker, **thin(many))
        if not len(x):
            continue
        finite = [entry for entry in zip(x, y, strict=True) if math.isfinite(entry[1])]
        # A run without a finite value has its mark at the upper edge of the panel.
        step, height = finite[-1] if finite else (x[-1], 0.97)
        where: dict[str, Any] = {} if finite else {"transform": panel.get_xaxis_transform()}
        for kind in _failures(run, inactive):
            panel.scatter([step], [height], label=f"_{kind}", zorder=4, **looks.FAILURES[kind], **where)
            shown.add(kind)
    return shown


def draw_median(panel: "Axes", band: medians.Band, style: looks.Style, **line: Any) -> None:
    """Draw the median of runs with a thick line."""
    values = leave_gaps(band.median)
    if not any(map(math.isfinite, values)):  # Matplotlib cannot place markers on an empty line
        line.pop("markevery", None)
    panel.plot(band.positions, values, **{**style, "linewidth": THICK}, zorder=3, **line)


def draw_bands(panel: "Axes", bands: Mapping[str, medians.Band], styles: Mapping[str, looks.Style]) -> None:
    """Draw the quartiles within the limits of the panel; an infinite quartile reaches beyond its upper edge."""
    top = 10.0 * panel.get_ylim()[1]
    for label, band in bands.items():
        low, high = ([min(value, top) for value in values] for values in (band.low, band.high))
        if low != high:
            panel.fill_between(band.positions, low, high, label=f"_{label}", color=styles[label]["color"], **_BAND)


def limit_values(panel: "Axes", groups: Groups, name: str) -> None:
    """Use a logarithmic axis of values that ends at four times the worst value of the median run."""
    curves = read_curves([run for each in groups.values() for run in each], name, "steps")
    finite = [y for _, values in curves if (y := list(filter(math.isfinite, values)))]
    worst = sorted(map(max, finite))
    best = min(map(min, finite), default=math.nan)
    if worst and worst[-1] - best <= 1e-9 * abs(best):  # a single value
        panel.set_ylim(best - 0.1 * abs(best) - 1e-12, best + 0.1 * abs(best) + 1e-12)
    figures.use_logarithmic_values(panel)
    low, high = panel.get_ylim()
    limit = _HEADROOM * worst[len(worst) // 2] if worst else math.inf
    panel.set_ylim(low, limit if low < limit < high else high)  # also keeps bands from widening the axis
    figures.use_logarithmic_values(panel)


def legend_handles(groups: Groups, many: bool) -> dict[str, Any]:
    """Return entries of a legend for thin lines, thick lines and bands, if they are drawn."""
    parts: dict[str, looks.Style] = {"one seed": {"color": "black", **thin(many)}}
    parts["median"] = {"color": "black", "linewidth": THICK}
    handles: dict[str, Any] = looks.line_handles(parts, parts)
    patch = figures.import_matplotlib("patches").Patch
    return (
        {**handles, "quartiles": patch(color="black", **_BAND)} if max(map(len, groups.values()), default=0) > 1 else {}
    )


def is_crowded(groups: Groups) -> bool:
    """Return whether a panel with all runs needs thinner lines, so that medians are visible."""
    return sum(map(len, groups.values())) > _MANY_RUNS


def thin(many: bool) -> dict[str, Any]:
    """Return width and opacity of the line of one run."""
    return {"linewidth": 0.45, "alpha": 0.4} if many else {"linewidth": 0.7, "alpha": 0.5}


def leave_gaps(values: Sequence[float]) -> list[float]:
    """Return values with NaN for values that cannot be drawn."""
    return [value if math.isfinite(value) else math.nan for value in values]


def _failures(run: History, inactive: Sequence[History]) -> Iterator[str]:
    if run.stopped_by == "not_finite":
        yield "not finite"
    if any(run is other for other in inactive):
        yield "inactive output units"
