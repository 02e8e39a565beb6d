"""Pictures with a row for each label: test accuracies, and steps and seconds to a target."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cutedl_xp.plotting import figures, looks
from cutedl_xp.plotting.ends import RunEnd, known_accuracies, median, use_accuracies

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Interval = tuple[float | None, float | None, float | None]
_LABEL_WIDTH = 38  # characters at the left of a row
_SUMMARY: dict[str, Any] = {"color": "black", "marker": "|", "markersize": 15, "markeredgewidth": 2.4, "linewidth": 1.6}
_SUMMARY_OFFSET, _SPREAD = 0.24, 0.2  # in rows
_DOT: dict[str, Any] = {"s": 26, "alpha": 0.75, "linewidths": 0}
_SEED: dict[str, Any] = {"color": "black", "marker": "o", "markersize": 5, "linestyle": "none", "alpha": 0.75}
_BESIDE, _NEVER, _COUNT = 1.02, 1.06, 1.14  # columns at the right of a panel, in its widths
_PANEL_WIDTH = 4.2  # inches


def accuracies(
    ends: Mapping[str, Sequence[RunEnd]],
    means: Mapping[str, Interval],
    title: str = "",
    *,
    words: str = "test accuracy",
    styles: Mapping[str, looks.Style] | None = None,
) -> "Figure":
    """Draw the final accuracy of each run, with the mean and its interval below, in a row for each label.

    Parameters
    ----------
    ends
        For each label the ends of its runs. Failed runs have the same marks as in ``curves``.
    means
        For each label the mean, and the lower and upper end of its 95 % interval; None for missing values.
    title
        Title of the picture; default empty.
    words
        Label of the axis, default ``"test accuracy"``.
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
    >>> ends = {"adam": [plotting.RunEnd(accuracy=0.92), plotting.RunEnd(accuracy=0.93)]}
    >>> figure = plotting.accuracies(ends, {"adam": (0.925, 0.92, 0.93)})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['mean (95 % interval)', '0.9250 (0.9200 to 0.9300)']
    """
    styles = looks.complete(styles, list(ends))
    figure, (panel,) = _make_rows(list(ends), 1, title)
    shown: set[str] = set()
    _write_beside(panel, _BESIDE, -0.75, "mean (95 % interval)", weight="bold")
    for row, (label, runs) in enumerate(ends.items()):
        known = [end for end in runs if known_accuracies([end])]
        shown |= _draw_dots(panel, row, known, known_accuracies(known), styles[label])
        mean, low, high = means.get(label, (None, None, None))
        if mean is not None:
            line = [mean] if low is None or high is None else [low, mean, high]
            _draw_summary(panel, row, line, mean)
        panel.text(
            1.02,
            row,
            _format_mean(mean, low, high),
            transform=panel.get_yaxis_transform(),
            va="center",
            fontsize="small",
        )
    use_accuracies(panel.xaxis, [value for runs in ends.values() for value in known_accuracies(runs)])
    panel.set_xlabel(words)
    _add_legend(figure, {"mean and 95 % interval": _SUMMARY}, shown)
    return figure


def targets(
    ends: Mapping[str, Sequence[RunEnd]],
    title: str = "",
    *,
    target: float | None = None,
    styles: Mapping[str, looks.Style] | None = None,
) -> "Figure":
    """Draw steps and seconds until each run reached the target, with their median below, in a row for each label.

    Runs that never reached the target are in a column at the right, and count as infinite in the median.

    Parameters
    ----------
    ends
        For each label the ends of its runs. Failed runs have the same marks as in ``curves``.
    title
        Title of the picture; default empty.
    target
        Target of the validation accuracy, for the labels of the axes; default None, unnamed.
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
    >>> ends = {"adam": [plotting.RunEnd(steps_to_target=938, seconds_to_target=0.4), plotting.RunEnd()]}
    >>> figure = plotting.targets(ends, target=0.9)
    >>> figure.axes[0].get_xlabel()
    'steps to a validation accuracy of 0.9'
    """
    styles = looks.complete(styles, list(ends))
    figure, panels = _make_rows(list(ends), 2, title)
    goal = "the target" if target is None else f"a validation accuracy of {target:g}"
    shown: set[str] = set()
    every = [end for runs in ends.values() for end in runs]
    never = any(math.isinf(end.steps_to_target) for end in every)
    for panel, unit in zip(panels, ("steps", "seconds"), strict=True):
        for row, (label, runs) in enumerate(ends.items()):
            values = [float(getattr(end, f"{unit}_to_target")) for end in runs]
            shown |= _draw_dots(panel, row, runs, values, styles[label])
            _draw_summary(panel, row, [median(values)], median(values))
        if any(math.isfinite(getattr(end, f"{unit}_to_target")) for end in every):
            figures.use_logarithmic_positions(panel, unit, _PANEL_WIDTH)
        else:
            panel.set_xticks([])
        _write_beside(panel, _NEVER, -0.75, "never" if never else "", ha="center", weight="bold")
        panel.set_xlabel(f"{unit} to {goal}")
    _write_beside(panels[-1], _COUNT, -0.75, "reached", weight="bold")
    for row, runs in enumerate(ends.values()):
        reached = sum(math.isfinite(end.steps_to_target) for end in runs)
        _write_beside(panels[-1], _COUNT, row, f"{reached} of {len(runs)}")
    _add_legend(figure, {"median": {**_SUMMARY, "linestyle": "none"}}, shown)
    return figure


def _make_rows(labels: Sequence[str], panels: int, title: str) -> "tuple[Figure, list[Axes]]":
    """Return a figure with panels side by side, and a row for each label, the first label on top."""
    height = 1.9 + 0.48 * max(1, len(labels))
    figure = figures.make_figure(9.5 if panels == 1 else 3.0 + _PANEL_WIDTH * panels, height, title)
    axes = list(figure.subplots(1, panels, sharey=True, squeeze=False)[0])
    figures.clear_frames(axes)
    names = [textwrap.fill(label, _LABEL_WIDTH) for label in labels]
    axes[0].set_yticks(range(len(names)), names, fontsize="small", parse_math=False)
    axes[0].set_ylim(max(1, len(names)) - 0.4, -0.6)
    return figure, axes


def _draw_dots(
    panel: "Axes", row: int, runs: Sequence[RunEnd], values: Sequence[float], style: looks.Style
) -> set[str]:
    """Draw a dot or marks of failure for each run, and return the kinds of the marks."""
    shown: set[str] = set()
    for number, (end, value) in enumerate(zip(runs, values, strict=True)):
        place = row - _SUMMARY_OFFSET / 2 + _SPREAD * (number / max(1, len(runs) - 1) - 0.5)
        never = not math.isfinite(value)
        where: dict[str, Any] = {"transform": panel.get_yaxis_transform(), "clip_on": False} if never else {}
        x = _NEVER if never else value
        dot: dict[str, Any] = {"color": style["color"], "marker": style["marker"], **_DOT}
        for look in [looks.FAILURES[kind] for kind in end.failures] or [dot]:
            panel.scatter([x], [place], zorder=3, **look, **where)
        shown.update(end.failures)
    return shown


def _draw_summary(panel: "Axes", row: int, line: Sequence[float], middle: float) -> None:
    """Draw a median or mean as a vertical bar below the dots, on the line of its interval."""
    if math.isnan(middle):
        return
    never = not math.isfinite(middle)
    where: dict[str, Any] = {"transform": panel.get_yaxis_transform(), "clip_on": False} if never else {}
    x = [_NEVER] if never else list(line)
    panel.plot(x, [row + _SUMMARY_OFFSET] * len(x), **_SUMMARY, markevery=[len(x) // 2], **where, zorder=4)


def _write_beside(panel: "Axes", x: float, row: float, words: str, **look: Any) -> None:
    """Write text at the right of a panel."""
    panel.text(x, row, words, transform=panel.get_yaxis_transform(), va="center", fontsize="small", **look)


def _format_mean(mean: float | None, low: float | None, high: float | None) -> str:
    if mean is None:
        return "none"
    return f"{mean:.4f}" if low is None or high is None else f"{mean:.4f} ({low:.4f} to {high:.4f})"


def _add_legend(figure: "Figure", summary: Mapping[str, looks.Style], shown: set[str]) -> None:
    handles = {**looks.line_handles({"one seed": _SEED}, ["one seed"]), **looks.line_handles(summary, summary)}
    looks.add_legend(figure, {**handles, **looks.mark_handles(shown)})
