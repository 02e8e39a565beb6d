"""Pictures of one run and of several runs, and files of pictures."""

import io
import math
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.plotting import figures
from cutedl_xp.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORDS = {"loss": "training loss", "val_loss": "validation loss", "val_accuracy": "validation accuracy"}
# For each panel: the series, the label of its axis, and the function to draw.
_COMPARED: tuple[tuple[str, str, Callable[[float], float]], ...] = (
    ("val_loss", "validation loss", float),
    ("val_accuracy", "validation error (1 - accuracy)", lambda accuracy: 1.0 - accuracy),
)
_SUMMARY_WIDTH = 105  # characters
_FEW_ENTRIES = 30  # up to this number each entry has a mark, because a line of a single entry is invisible


def report(history: History, title: str = "", *, warning: str = "") -> "Figure":
    """Draw one run: the losses in the upper panel, and each metric in a panel below, with the final values.

    Parameters
    ----------
    history
        History of the run. Series that were not recorded are left out, and entries that are not finite leave a gap.
    title
        Title of the picture; default empty.
    warning
        Warning to add to the title, which is then red; default empty.

    Returns
    -------
    matplotlib.figure.Figure
        Picture, which ``plotting.save`` writes to a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> from cutedl_xp.training.history import History
    >>> history = History(metrics=["accuracy"])
    >>> history.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9})
    >>> figure = plotting.report(history, title="Adam")
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'validation accuracy']
    """
    panels: list[list[str]] = [[name for name in ("loss", "val_loss") if name in history.recorded]]
    panels += [[name] for name in history.recorded if name not in panels[0]]
    figure, axes = figures.make_panels([3.0] * len(panels), title, warning)
    for names, panel in zip(panels, axes, strict=True):
        for name, colour in zip(names, figures.COLOURS, strict=False):
            values = history.series(name)
            marker = "." if len(values) <= _FEW_ENTRIES else ""
            label = _format_legend_entry(name, values)
            panel.plot(history.steps, values, label=label, color=colour, marker=marker, linewidth=1.4)
        panel.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
        panel.set_ylabel(_describe(names[0]).removeprefix("training "))
    figures.format_steps(axes)
    axes[-1].set_xlabel(_format_summary(history), fontsize="medium", linespacing=1.5)
    return figure


def comparison(
    histories: Mapping[str, Sequence[History] | History],
    title: str = "",
    *,
    warning: str = "",
    crossed: Sequence[History] = (),
    crossed_label: str = "",
) -> "Figure":
    """Draw several runs against the steps: validation loss above, and 1 - validation accuracy below.

    All axes are logarithmic, so that runs that end close to each other can be distinguished. A dot marks each end.

    Parameters
    ----------
    histories
        For each label a run, or several runs (such as with several seeds), which share one colour, width and dash.
        Later labels have thinner lines, so that no line hides another.
    title
        Title of the picture; default empty.
    warning
        Warning to add to the title, which is then red; default empty.
    crossed
        Runs whose end is marked with a cross instead of a dot, default none.
    crossed_label
        Meaning of the cross, for the legend; default empty.

    Returns
    -------
    matplotlib.figure.Figure
        Picture, which ``plotting.save`` writes to a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> from cutedl_xp.training.history import History
    >>> fast, slow = History(metrics=["accuracy"]), History(metrics=["accuracy"])
    >>> fast.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9})
    >>> slow.append(steps=938, cost_time=0.2, loss=2.1, val_loss=1.9, metrics={"accuracy": 0.6})
    >>> figure = plotting.comparison({"Adam": fast, "Adagrad": [slow]}, crossed=[slow], crossed_label="failed")
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['Adam', 'Adagrad', 'failed']
    """
    figure, axes = figures.make_panels([3.0, 4.5], title, warning)
    groups = {label: [runs] if isinstance(runs, History) else list(runs) for label, runs in histories.items()}
    for panel, (name, words, convert) in zip(axes, _COMPARED, strict=True):
        _draw_groups(panel, groups, name, convert, crossed)
        panel.set_ylabel(words)
        figures.use_logarithmic_values(panel)
    figures.use_logarithmic_steps(axes)
    axes[1].set_xlabel("steps")
    figures.add_legend(figure, axes, list(groups), crossed_label if crossed else "")
    return figure


def save(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure to a file atomically.

    Parameters
    ----------
    figure
        Figure of matplotlib.
    path
        File to write. The ending selects the format: ``.png``, ``.svg``, ``.pdf`` or another that matplotlib supports.
        An existing file is replaced when the new file is complete.

    Raises
    ------
    ValueError
        If matplotlib does not support the ending.
    OSError
        If the file cannot be written; the message has the path and the reason.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> from cutedl_xp.training.history import History
    >>> plotting.save(plotting.report(History()), "empty.png")
    """
    path = Path(path)
    formats = figure.canvas.get_supported_filetypes()
    ending = path.suffix.lstrip(".").lower()
    if ending not in formats:
        raise ValueError(f"`path` must end in one of {', '.join(f'.{name}' for name in formats)}; got {str(path)!r}")
    picture = io.BytesIO()
    figure.savefig(picture, format=ending)
    write_atomically(path, picture.getbuffer())


def _draw_groups(
    panel: "Axes",
    groups: Mapping[str, Sequence[History]],
    name: str,
    convert: Callable[[float], float],
    crossed: Sequence[History],
) -> None:
    """Draw one series of all runs, with a mark at each end."""
    for (label, runs), style in zip(groups.items(), figures.make_styles(len(groups)), strict=True):
        for number, run in enumerate(run for run in runs if name in run.recorded):
            shown = f"_{label}" if number else label  # the legend leaves out labels that start with an underscore
            values = [convert(value) for value in run.series(name)]
            panel.plot(run.steps, values, label=shown, **style)
            figures.mark_end(panel, run.steps, values, style, any(run is other for other in crossed))


def _describe(name: str) -> str:
    """Return the description of a series; a user's metric keeps its name."""
    is_validation = name.startswith("val_") and name not in _WORDS
    return f"validation {name.removeprefix('val_')}" if is_validation else _WORDS.get(name, name)


def _format_legend_entry(name: str, values: Sequence[float]) -> str:
    words = _describe(name)
    if not values:
        return f"{words} (no entries)"
    if name != "val_accuracy":
        return f"{words}, final {values[-1]:.4f}"
    finite = [value for value in values if math.isfinite(value)]
    best = f"best {max(finite):.4f}, " if finite else ""
    return f"{words}, {best}final {values[-1]:.4f}"


def _format_summary(history: History) -> str:
    """Return the text under the picture: the number of steps, the duration and the reason of the end."""
    recorded = bool(history.steps)
    done = f"{history.steps[-1]:,} steps in {history.cost_time[-1]:,.1f} s" if recorded else "nothing was recorded"
    ended = f"stopped: {history.stop_reason}" if history.stop_reason else "not ended"
    return "steps\n" + textwrap.fill(f"{done}; {ended}".replace("$", r"\$"), _SUMMARY_WIDTH)
