"""Pictures of what training runs recorded: a History in, a matplotlib figure out."""

import importlib
import io
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutedl_xp import _checks
from cutedl_xp._files import write_atomically
from cutedl_xp.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of Okabe and Ito, told apart by colour-blind readers too; their yellow is too pale for a line on white.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7F7F7F", "#000000")
_DASHES = ("solid", (0, (6, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_WORDS = {"loss": "training loss", "val_loss": "validation loss", "val_accuracy": "validation accuracy"}
_LEGEND_WIDTH = 105  # characters, with 8 for a dash and the space between columns
_FEW_ENTRIES = 30  # up to so many are marked one by one; a line of a single entry shows nothing without its mark


def report(history: History, title: str = "") -> "Figure":
    """One run: training and validation loss above, validation accuracy below, the figures written in.

    Parameters
    ----------
    history
        What the run recorded. Without validation data or accuracy only what there is is drawn; entries that are
        not finite leave a gap.
    title
        Stands above the picture.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> from cutedl_xp.history import History
    >>> history = History(metrics=["accuracy"])
    >>> history.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9})
    >>> figure = plotting.report(history, title="Adam")
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'validation accuracy']
    """
    panels: list[list[str]] = [[name for name in ("loss", "val_loss") if name in history.recorded]]
    if "val_accuracy" in history.recorded:
        panels.append(["val_accuracy"])
    figure, axes = _panels(len(panels), title)
    for names, panel in zip(panels, axes, strict=True):
        for name, colour in zip(names, _COLOURS, strict=False):
            values = history.series(name)
            marker = "." if len(values) <= _FEW_ENTRIES else ""
            label = _legend_entry(name, values)
            panel.plot(history.steps, values, label=label, color=colour, marker=marker, linewidth=1.4)
        panel.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
        panel.set_ylabel(_WORDS[names[0]].removeprefix("training "))
    _plain_steps(axes)
    axes[-1].set_xlabel(_summary(history), fontsize="medium", linespacing=1.5)
    return figure


def comparison(histories: Mapping[str, Sequence[History] | History], title: str = "") -> "Figure":
    """Several runs: validation loss above and validation accuracy below, against the steps on a logarithmic axis.

    Parameters
    ----------
    histories
        Each label's run, or several runs of it (of several seeds, say), which then share one colour and dash.
        The end of every run is marked with a dot.
    title
        Stands above the picture.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> from cutedl_xp.history import History
    >>> fast, slow = History(metrics=["accuracy"]), History(metrics=["accuracy"])
    >>> fast.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9})
    >>> slow.append(steps=938, cost_time=0.2, loss=2.1, val_loss=1.9, metrics={"accuracy": 0.6})
    >>> figure = plotting.comparison({"Adam": fast, "Adagrad": [slow]})
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['Adam', 'Adagrad']
    """
    figure, axes = _panels(2, title)
    groups = {label: [runs] if isinstance(runs, History) else list(runs) for label, runs in histories.items()}
    for panel, name in zip(axes, ("val_loss", "val_accuracy"), strict=True):
        for (label, runs), style in zip(groups.items(), _styles(len(groups)), strict=True):
            for number, run in enumerate(run for run in runs if name in run.recorded):
                shown = f"_{label}" if number else label  # the legend leaves out what begins with an underscore
                panel.plot(run.steps, run.series(name), label=shown, linewidth=1.4, **style)
                _end_mark(panel, run.steps, run.series(name), style["color"])
        panel.set_ylabel(_WORDS[name])
    _logarithmic_steps(axes)
    _logarithmic_loss(axes[0], [run for runs in groups.values() for run in runs])
    axes[1].set_xlabel("steps")
    drawn = {line.get_label(): line for panel in axes for line in panel.get_lines()}
    handles = {label: drawn[label] for label in groups if label in drawn}
    if handles:
        columns = max(1, _LEGEND_WIDTH // (max(map(len, handles)) + 8))
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns, frameon=False)
    return figure


def save(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure to a file, whole or not at all.

    Parameters
    ----------
    figure
        Any matplotlib figure.
    path
        Where; its ending says the format: ``.png``, ``.svg``, ``.pdf`` or another that matplotlib writes. A file
        that is already there is replaced once the new one is complete.

    Raises
    ------
    ValueError
        If the ending is none that matplotlib writes.
    OSError
        If the file cannot be written, with the path and why.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> from cutedl_xp.history import History
    >>> folder = getfixture("tmp_path")
    >>> plotting.save(plotting.report(History()), folder / "empty.png")
    >>> [file.name for file in folder.iterdir()]
    ['empty.png']
    """
    path = Path(path)
    formats = figure.canvas.get_supported_filetypes()
    ending = path.suffix.lstrip(".").lower()
    if ending not in formats:
        raise ValueError(f"`path` must end in one of {', '.join(f'.{name}' for name in formats)}; got {str(path)!r}")
    picture = io.BytesIO()
    figure.savefig(picture, format=ending)
    write_atomically(path, picture.getbuffer())


def _matplotlib(module: str) -> Any:
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as error:
        raise _checks.missing_extra("plotting", "matplotlib", "plot") from error


def _panels(number: int, title: str) -> "tuple[Figure, list[Axes]]":
    """A figure with panels one above the other that share the axis of the steps."""
    # Figure, not pyplot: no window, no global list of figures, the same in a thread or a worker process
    figure: Figure = _matplotlib("figure").Figure(figsize=(9.0, 1.5 + 3.0 * number), dpi=120, layout="constrained")
    axes = list(figure.subplots(number, 1, sharex=True, squeeze=False)[:, 0])
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    if title:
        figure.suptitle(title, parse_math=False, wrap=True)
    return figure, axes


def _end_mark(panel: "Axes", steps: Sequence[int], values: Sequence[float], colour: str) -> None:
    finite = [entry for entry in zip(steps, values, strict=True) if math.isfinite(entry[1])]
    for step, value in finite[-1:]:
        panel.scatter([step], [value], color=colour, s=18, zorder=3)


def _styles(number: int) -> list[dict[str, Any]]:
    """A colour and a dash for each label; with more labels than colours, a colour returns with another dash."""
    dashes = [_DASHES[(index + index // len(_COLOURS)) % len(_DASHES)] for index in range(number)]
    colours = islice(cycle(_COLOURS), number)
    return [{"color": colour, "linestyle": dash} for colour, dash in zip(colours, dashes, strict=True)]


def _plain_steps(axes: "list[Axes]") -> None:
    ticker = _matplotlib("ticker")
    axes[-1].xaxis.set_major_locator(ticker.MaxNLocator(nbins=8, integer=True))
    axes[-1].xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


def _logarithmic_steps(axes: "list[Axes]") -> None:
    """Runs may differ by a factor of fifty in length; a linear axis would hide the short ones."""
    ticker = _matplotlib("ticker")
    axes[-1].set_xscale("log")
    axes[-1].xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    axes[-1].xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    axes[-1].xaxis.set_minor_formatter(ticker.NullFormatter())


def _logarithmic_loss(panel: "Axes", runs: list[History]) -> None:
    """So that runs that end close to each other can be told apart, where no loss forbids it."""
    values = [float(value) for run in runs if "val_loss" in run.recorded for value in run.val_loss]
    if not any(map(math.isfinite, values)) or any(value <= 0.0 for value in values):
        return
    ticker = _matplotlib("ticker")
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    panel.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(ticker.NullFormatter())


def _legend_entry(name: str, values: Sequence[float]) -> str:
    words = _WORDS[name]
    if not values:
        return f"{words} (no entries)"
    if name != "val_accuracy":
        return f"{words}, final {values[-1]:.4f}"
    finite = [value for value in values if math.isfinite(value)]
    best = f"best {max(finite):.4f}, " if finite else ""
    return f"{words}, {best}final {values[-1]:.4f}"


def _summary(history: History) -> str:
    """The words under the picture: how many steps, how long, and why it ended."""
    recorded = bool(history.steps)
    done = f"{history.steps[-1]:,} steps in {history.cost_time[-1]:,.1f} s" if recorded else "nothing was recorded"
    ended = f"stopped: {history.stop_reason}" if history.stop_reason else "not ended"
    return "steps\n" + textwrap.fill(f"{done}; {ended}".replace("$", r"\$"), 90)
