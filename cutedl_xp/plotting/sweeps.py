"""Pictures of sweeps over learning rates: final accuracies, usable rates, and a map of the steps to a target."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from cutedl_xp.plotting import figures, looks
from cutedl_xp.plotting.ends import RunEnd, known_accuracies, median, use_accuracies

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Sweeps: TypeAlias = Mapping[str, Mapping[float, Sequence[RunEnd]]]
Ranges: TypeAlias = Mapping[str, tuple[float, float] | None]
_MARK_OFFSET = 0.2  # in rows
USABLE: dict[str, Any] = {"color": "black", "linewidth": 2.0, "marker": "|", "markersize": 9, "markeredgewidth": 2.0}


def rates(
    ends: Sweeps,
    usable: Ranges,
    title: str = "",
    *,
    words: str = "final validation accuracy",
    styles: Mapping[str, looks.Style] | None = None,
) -> "Figure":
    """Draw final accuracies against the learning rate, with the usable rates and the rates of failed runs below.

    The line is the median over the seeds; the band reaches from the worst seed to the best one.

    Parameters
    ----------
    ends
        For each label, and for each learning rate, the ends of the runs.
    usable
        For each label the lowest and the highest usable rate; None if no rate is usable. The text for a range that
        reaches the end of the grid has "at least" before the number of decades.
    title
        Title of the picture; default empty.
    words
        Label of the axis of accuracies, default ``"final validation accuracy"``.
    styles
        Style for each label, from ``plotting.styles``; default None, new styles for these labels.

    Returns
    -------
    matplotlib.figure.Figure
        Picture, which ``plotting.save`` writes to a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If ``styles`` lacks a label.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> good, bad = plotting.RunEnd(accuracy=0.92), plotting.RunEnd(accuracy=0.0, finite=False)
    >>> figure = plotting.rates({"adam": {0.001: [good], 0.01: [good], 0.1: [bad]}}, {"adam": (0.001, 0.01)})
    >>> [text.get_text() for text in figure.axes[1].texts]
    ['usable rates', 'at least 1.0 decades']
    """
    styles = looks.complete(styles, list(ends))
    rows = 0.34 * max(1, len(ends))
    figure = figures.make_figure(10.5, 6.6 + rows, title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[4.6, rows])
    figures.clear_frames([above, below])
    for label, sweep in ends.items():
        _draw_sweep(above, label, sweep, styles[label])
    every = [run for sweep in ends.values() for runs in sweep.values() for run in runs]
    use_accuracies(above.yaxis, known_accuracies(every))
    above.set_ylabel(words)
    shown: set[str] = set()
    _name_rows(below, list(ends), "usable rates")
    for row, (label, sweep) in enumerate(ends.items()):
        shown |= mark_failures(below, sweep, row - _MARK_OFFSET, row + _MARK_OFFSET)
        right = below.get_yaxis_transform()
        below.text(1.01, row, _format_range(usable.get(label), sweep), transform=right, va="center", fontsize="small")
        draw_usable(below, usable.get(label), row, color=styles[label]["color"], linewidth=6.0, marker="", zorder=2)
    use_rates(below, ends)
    widths = {"median of the seeds": 2.0, "usable rates": 6.0}
    band = figures.import_matplotlib("patches").Patch(color="black", alpha=0.14, linewidth=0)
    handles: dict[str, Any] = looks.line_handles(styles, ends, linewidth=2.0)
    for name, width in widths.items():
        handles |= looks.line_handles({name: {"color": "black", "linewidth": width}}, [name])
    looks.add_legend(figure, {**handles, "worst to best seed": band, **looks.mark_handles(shown)})
    return figure


def use_rates(panel: "Axes", ends: Sweeps) -> None:
    """Use a logarithmic axis of learning rates."""
    if any(ends.values()):
        panel.set_xscale("log")
    panel.set_xlabel("learning rate")


def mark_failures(panel: "Axes", sweep: Mapping[float, Sequence[RunEnd]], above: float, below: float) -> set[str]:
    """Mark the rates of runs that were not finite or had inactive output units; return the kinds of the marks."""
    shown = set()
    for kind, height in zip(looks.FAILURES, (above, below), strict=True):
        failed = [rate for rate, runs in sweep.items() if any(kind in run.failures for run in runs)]
        if failed:
            look = {**looks.FAILURES[kind], "s": 30}
            panel.scatter(failed, [height] * len(failed), label=f"_{kind}", zorder=4, **look)
            shown.add(kind)
    return shown


def draw_usable(panel: "Axes", usable: tuple[float, float] | None, height: float, **look: Any) -> None:
    """Draw the range of usable rates as a line."""
    if usable is not None:
        panel.plot(usable, [height] * 2, label="_usable", **{**USABLE, **look}, solid_capstyle="butt")


def _name_rows(panel: "Axes", labels: Sequence[str], heading: str) -> None:
    panel.set_yticks(range(len(labels)), labels, fontsize="small", parse_math=False)
    panel.set_ylim(max(1, len(labels)) - 0.4, -0.6)
    panel.text(1.01, -0.75, heading, transform=panel.get_yaxis_transform(), fontsize="small", weight="bold")


def _draw_sweep(panel: "Axes", label: str, sweep: Mapping[float, Sequence[RunEnd]], style: looks.Style) -> None:
    """Draw the median of the accuracies at each rate, and the band of all seeds."""
    found = {rate: values for rate in sorted(sweep) if (values := known_accuracies(sweep[rate]))}
    middle = [median(values) for values in found.values()]
    panel.plot(list(found), middle, label=label, **{**style, "linewidth": 2.0}, zorder=3)
    low, high = [min(values) for values in found.values()], [max(values) for values in found.values()]
    if low != high:
        panel.fill_between(list(found), low, high, label=f"_{label}", color=style["color"], alpha=0.14, linewidth=0)


def _format_range(usable: tuple[float, float] | None, sweep: Mapping[float, Sequence[RunEnd]]) -> str:
    if usable is None:
        return "none"
    cut_off = usable[0] <= min(sweep) or usable[1] >= max(sweep)
    return f"{'at least ' * cut_off}{math.log10(usable[1] / usable[0]):.1f} decades"
