"""Pictures of many runs: medians and quartiles of all labels in one picture, and all runs in a panel for each label."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from cutedl_xp.plotting import figures, looks, medians, strokes
from cutedl_xp.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POSITIONS = {"steps": "steps", "cost_time": "seconds"}
_OTHERS: dict[str, Any] = {"color": "0.72", "linewidth": 0.8, "zorder": 1}
_WIDTH, _PANEL_WIDTH = 12.0, 3.1  # inches
_LABEL_WIDTH = 34  # characters above a small panel


def curves(
    histories: strokes.Groups,
    title: str = "",
    *,
    styles: Mapping[str, looks.Style] | None = None,
    inactive: Sequence[History] = (),
) -> "Figure":
    """Draw validation loss and error against steps and against seconds: medians thick, quartiles as a band.

    A median and its quartiles begin at the first position where every run of the label has an entry, and end where half
    of the runs have ended; a run that has ended keeps its last value. A value that is not finite counts as larger than
    all others. Thin lines are the runs; ``seeds`` shows many runs more clearly. All axes are logarithmic. Losses far
    above those of most runs leave the picture at its upper edge.

    Parameters
    ----------
    histories
        For each label its runs, such as runs with several seeds.
    title
        Title of the picture; default empty.
    styles
        Style for each label, from ``plotting.styles``; default None, new styles for these labels.
    inactive
        Runs that ended with permanently inactive output units, default none. The end of such a run has a triangle; the
        end of a run whose loss or parameters became NaN or infinite has a cross.

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
    >>> from cutedl_xp.training.history import History
    >>> first, second = History(metrics=["accuracy"]), History(metrics=["accuracy"])
    >>> first.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9})
    >>> second.append(steps=938, cost_time=0.2, loss=0.6, val_loss=0.5, metrics={"accuracy": 0.8})
    >>> figure = plotting.curves({"adam": [first, second]})
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['', '', 'steps', 'seconds']
    """
    styles = looks.complete(styles, list(histories))
    figure = figures.make_figure(_WIDTH, 8.5, title)
    panels = figure.subplots(2, 2, sharex="col", sharey="row", squeeze=False)
    figures.clear_frames(panels.flat)
    shown = [
        _draw_panel(panel, histories, name, positions, styles, inactive)
        for row, name in zip(panels, strokes.SERIES, strict=True)
        for panel, positions in zip(row, _POSITIONS, strict=True)
    ]
    for row, name in zip(panels, strokes.SERIES, strict=True):
        row[0].set_ylabel(strokes.SERIES[name][0])
        strokes.limit_values(row[0], histories, name)
        for panel, positions in zip(row, _POSITIONS, strict=True):
            strokes.draw_bands(panel, _make_bands(histories, name, positions), styles)
    for panel, words in zip(panels[-1], _POSITIONS.values(), strict=True):
        figures.use_logarithmic_positions(panel, words, _WIDTH / 2)
        panel.set_xlabel(words)
    handles = looks.line_handles(styles, histories, linewidth=strokes.THICK)
    handles |= strokes.legend_handles(histories, strokes.is_crowded(histories))
    looks.add_legend(figure, {**handles, **looks.mark_handles(set().union(*shown))})
    return figure


def seeds(
    histories: strokes.Groups,
    title: str = "",
    *,
    series: Literal["val_loss", "val_accuracy"] = "val_accuracy",
    styles: Mapping[str, looks.Style] | None = None,
    inactive: Sequence[History] = (),
) -> "Figure":
    """Draw every run against the steps, with a panel for each label: runs thin, their median thick.

    The medians of the other labels are grey lines in each panel. Medians, quartiles and marks are as in ``curves``.

    Parameters
    ----------
    histories, title
        As in ``curves``.
    series
        Series to draw: ``"val_loss"``, or ``"val_accuracy"``, which is drawn as the error 1 - accuracy; default
        ``"val_accuracy"``.
    styles, inactive
        As in ``curves``.

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
    >>> from cutedl_xp.training.history import History
    >>> history = History(metrics=["accuracy"])
    >>> history.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9})
    >>> [axes.get_title() for axes in plotting.seeds({"adam": [history], "fixed": [history]}).axes]
    ['adam', 'fixed']
    """
    styles = looks.complete(styles, list(histories))
    columns = min(4, max(1, len(histories)))
    rows = max(1, -(-len(histories) // columns))
    figure = figures.make_figure(1.5 + _PANEL_WIDTH * columns, 1.6 + 2.4 * rows, title)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    figures.clear_frames(panels.flat)
    bands = _make_bands(histories, series, "steps")
    shown: set[str] = set()
    for panel, (label, runs) in zip(panels.flat, histories.items(), strict=False):
        for other in (bands[name] for name in histories if name != label):
            panel.plot(other.positions, strokes.leave_gaps(other.median), label="_other", **_OTHERS)
        shown |= strokes.draw_runs(panel, runs, series, "steps", styles[label]["color"], inactive, many=False)
        strokes.draw_median(panel, bands[label], styles[label], label=label, markevery=[-1])
        panel.set_title(textwrap.fill(label, _LABEL_WIDTH), fontsize="small", parse_math=False)
    strokes.limit_values(panels[0, 0], histories, series)
    figures.use_logarithmic_positions(panels[0, 0], "steps", _PANEL_WIDTH)
    for panel, label in zip(panels.flat, histories, strict=False):
        strokes.draw_bands(panel, {label: bands[label]}, styles)
    _finish_panels(figure, panels, len(histories), strokes.SERIES[series][0])
    handles = strokes.legend_handles(histories, many=False)
    others = {"median of another panel": _OTHERS} if len(histories) > 1 else {}
    looks.add_legend(figure, {**handles, **looks.line_handles(others, others), **looks.mark_handles(shown)})
    return figure


def _draw_panel(
    panel: "Axes",
    groups: strokes.Groups,
    name: str,
    positions: str,
    styles: Mapping[str, looks.Style],
    inactive: Sequence[History],
) -> set[str]:
    """Draw one series of all labels, the medians above all runs, and return the kinds of the marks."""
    crowded = strokes.is_crowded(groups)
    shown: set[str] = set()
    for label, runs in groups.items():
        shown |= strokes.draw_runs(panel, runs, name, positions, styles[label]["color"], inactive, crowded)
    for index, (label, band) in enumerate(_make_bands(groups, name, positions).items()):
        strokes.draw_median(panel, band, styles[label], label=label, markevery=(0.03 * index, 0.25))
    return shown


def _make_bands(groups: strokes.Groups, name: str, positions: str) -> dict[str, medians.Band]:
    return {label: medians.band(strokes.read_curves(runs, name, positions)) for label, runs in groups.items()}


def _finish_panels(figure: "Figure", panels: Any, number: int, words: str) -> None:
    """Remove empty panels, and label the axes of the panels at the lower and left edges."""
    for panel in panels.flat[number:]:
        panel.remove()
    for panel in panels.flat[max(0, number - panels.shape[1]) : number]:
        panel.tick_params(labelbottom=True)
        panel.set_xlabel("steps")
    figure.supylabel(words, fontsize="medium")
