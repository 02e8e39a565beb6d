"""Figures of measurements: dots next to each other, and lines against a size."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Measurement, find
from benchmarks.tables import contenders, tasks
from benchmarks.tasks import FLOOR, OURS
from benchmarks.whole_process import Program
from cutedl_xp.plotting import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OUR_COLOUR, _PEER_COLOUR, _FLOOR_COLOUR = figures.COLOURS[0], figures.COLOURS[1], "black"
_DASHES = {FLOOR: "dotted", "cutedl_xp-plain": "dashed", "cutedl_xp-jax": "dashdot"}


def png(figure: "Figure") -> bytes:
    """Return the bytes of the image file."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def of_steps(measurements: Sequence[Measurement]) -> "Figure":
    """Draw a panel for each task, with a dot at each contender's median and a line to its best round."""
    groups = {
        task.name: {
            name: (1e6 * found.best, 1e6 * found.median)
            for name in contenders(measurements)
            if (found := find(measurements, task, name))
        }
        for task in tasks(measurements)
    }
    return _dots(groups, "microseconds a step; dot: the median of the rounds, line: down to the best")


def of_programs(programs: Sequence[Program]) -> "Figure":
    """Draw seconds and memory."""
    groups = {"seconds": {program.contender: (program.best, program.median) for program in programs}}
    if all(max(program.peaks) for program in programs):
        peaks = {program.contender: (min(program.peaks) / 1e6, max(program.peaks) / 1e6) for program in programs}
        groups["peak of memory, MB"] = peaks
    return _dots(groups, "")


def against_size(panels: Mapping[str, Sequence[Measurement]], label: str) -> "Figure":
    """Draw a panel for each group, with a line for each contender: microseconds of the best round against the size."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = _figure(9.0, 1.0 + 2.8 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, (title, measurements) in zip(axes, panels.items(), strict=False):
        for name in contenders(measurements):
            own = [measurement for measurement in measurements if measurement.contender == name]
            sizes, times = [each.task.size for each in own], [1e6 * each.best for each in own]
            style: dict[str, Any] = {"color": _colour(name), "linestyle": _DASHES.get(name, "solid")}
            panel.plot(sizes, times, marker="o", markersize=4, label=name, **style)
        panel.set_title(title, fontsize="medium")
        _logarithmic(panel)
        ticks = sorted({each.task.size for each in measurements})
        panel.set_xticks(ticks, [_short(tick) for tick in ticks])
        panel.minorticks_off()
    for panel in axes[len(panels) :]:
        panel.set_visible(False)
    figure.supylabel(label, fontsize="medium")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _dots(groups: Mapping[str, Mapping[str, tuple[float, float]]], label: str) -> "Figure":
    """Draw a panel for each group: for each name a dot at the second value and a line from the first value to it."""
    heights = [0.5 + 0.27 * len(values) for values in groups.values()]
    figure = _figure(9.0, 0.5 + sum(heights))
    axes = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, (title, values) in zip(axes, groups.items(), strict=True):
        for place, (name, (low, high)) in enumerate(values.items()):
            panel.scatter([high], [place], color=_colour(name), s=36, zorder=3)
            panel.hlines([place], [low], [high], color=_colour(name), linewidth=3.0)
        if FLOOR in values:
            panel.axvline(values[FLOOR][1], color=_FLOOR_COLOUR, linewidth=0.8, linestyle="dotted")
        panel.set_title(title, fontsize="medium", loc="left")
        panel.set_yticks(range(len(values)), list(values))
        panel.set_ylim(len(values) - 0.5, -0.5)  # the first on top
        _logarithmic(panel, y=False)
    axes[-1].set_xlabel(label)
    return figure


def _figure(width: float, height: float) -> "Figure":
    # Figure, not pyplot: no window, no global list of figures
    figure: Figure = figures.import_matplotlib("figure").Figure((width, height), dpi=120, layout="constrained")
    return figure


def _logarithmic(panel: "Axes", y: bool = True) -> None:
    """Set a logarithmic axis, because times differ by factors of a hundred."""
    formatter = figures.import_matplotlib("ticker").StrMethodFormatter("{x:,g}")
    panel.set_xscale("log")
    if y:
        panel.set_yscale("log")
    for axis in (panel.xaxis, panel.yaxis)[: 1 + y]:
        figures.label_logarithmic(axis, formatter)
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)


def _short(number: int) -> str:
    for factor, letter in ((1_000_000, "M"), (1_000, "k")):
        if number % factor == 0:
            return f"{number // factor}{letter}"
    return f"{number:,}"


def _colour(name: str) -> str:
    if name == FLOOR:
        return _FLOOR_COLOUR
    return _OUR_COLOUR if name in OURS else _PEER_COLOUR
