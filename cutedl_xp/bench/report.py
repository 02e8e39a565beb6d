"""Reports of a backend comparison: a table, a CSV file and a picture."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutedl_xp import plotting
from cutedl_xp._machine import describe_machine
from cutedl_xp.bench.comparison import Result
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.plotting import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXPLANATION = """\
x fastest  the median as a multiple of the fastest backend's
median     of the rounds, for one call: a step takes a batch and ends with Adam's update
spread     between the quartiles of the rounds, as a part of the median
limit      the speed of the same backend in the least work of the task: the matrix products of the step (FLOP/s),
           or one copy that moves as many bytes as the update reads and writes (B/s)
share      the time of this least work relative to the time of the task; 100 % is as fast as the limit allows"""

_HEADINGS = ("x fastest", "median", "spread", "samples/s", "share", "limit")
_ROOM = 0.75  # height of a task's rows, relative to the distance between tasks


def check_folder(folder: Path) -> None:
    """Create the output folder before any measurement.

    Raises
    ------
    OSError
        If the folder cannot be created or is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OSError(f"{folder} cannot be a folder, as there is a file of that name; give another one") from error
    if not os.access(folder, os.W_OK):
        raise OSError(f"nothing can be written in the folder {folder}; give another one")


def format_table(results: Sequence[Result]) -> str:
    """Return a text table of the results, sorted by task, with a line for each backend.

    Examples
    --------
    >>> from cutedl_xp.bench.comparison import Result
    >>> where, times = ("numpy", "2.4.6", "cpu"), {"seconds": (1e-4, 1e-4), "floor_seconds": (5e-5, 5e-5)}
    >>> step = Result(*where, "784-10", "training step", 64, 500, **times, floor_amount=2_000_000, floor_unit="FLOP")
    >>> print(format_table([step]))
    training step, batch 64  x fastest    median  spread  samples/s  share         limit
      numpy 2.4.6 on cpu          1.00  100.0 us     0 %    640,000   50 %  40.0 GFLOP/s
    """
    rows: list[tuple[str, ...]] = []
    for heading, group in _group_by_task(results).items():
        fastest = min(result.median for result in group)
        rows += [(), (heading, *_HEADINGS), *(_format_row(result, fastest) for result in group)]
    widths = [max(len(row[column]) for row in rows if row) for column in range(1 + len(_HEADINGS))]
    lines = [
        "  ".join(f"{cell:<{width}}" if not place else f"{cell:>{width}}" for place, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=bool(row))) for row in rows)
    ]
    return "\n".join(lines[1:])


def format_csv(results: Sequence[Result], about: str) -> str:
    """Return all results as comma-separated values; the last two columns have the seconds of each round.

    Parameters
    ----------
    results
        Results of a comparison.
    about
        Description of the machine.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(_make_record(results[0], about)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_make_record(result, about) for result in results)
    return text.getvalue()


def draw_picture(results: Sequence[Result], title: str = "") -> "Figure":
    """Return a picture of the times of steps and updates: the median as a dot, the quartiles and the limit.

    Parameters
    ----------
    results
        Results of a comparison.
    title
        Title of the picture.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    tasks = _group_by_task(results)
    steps = [name for name, group in tasks.items() if group[0].batch_size]
    parts = steps, [name for name in tasks if name not in steps]
    lines = [len(names) * len(_list_labels(results)) for names in parts]
    figure: Figure = figures.import_matplotlib("figure").Figure(
        figsize=(9.0, 2.5 + 0.25 * sum(lines)), dpi=120, layout="constrained"
    )
    panels = figure.subplots(2, 1, height_ratios=lines)
    for panel, names in zip(panels, parts, strict=True):
        _draw_tasks(panel, {name: tasks[name] for name in names}, _list_labels(results))
    panels[1].set_xlabel("microseconds a call; thick line: the middle half of the rounds; dash at the left: the limit")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    if title:
        figure.suptitle(title, parse_math=False, wrap=True)
    return figure


def write_files(results: Sequence[Result], folder: Path) -> list[str]:
    """Write ``bench.csv`` and, where matplotlib is installed, ``bench.png`` atomically.

    Parameters
    ----------
    results
        Results of a comparison.
    folder
        Folder that :func:`check_folder` created.

    Returns
    -------
    list of str
        For each file its path, or the reason why it was not written.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    table_path, picture_path = folder / "bench.csv", folder / "bench.png"
    write_atomically(table_path, format_csv(results, describe_machine()).encode())
    messages = [f"written: {table_path}"]
    try:
        plotting.save(draw_picture(results, f"{results[0].model}, float32; {describe_machine()}"), picture_path)
    except ImportError as error:
        return [*messages, f"no picture: {error}"]
    return [*messages, f"written: {picture_path}"]


def _group_by_task(results: Sequence[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        name = f"{result.task}, batch {result.batch_size}" if result.batch_size else result.task
        groups.setdefault(name, []).append(result)
    return groups


def _format_label(result: Result) -> str:
    return f"{result.backend} {result.version} on {result.device}"


def _list_labels(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(map(_format_label, results)))


def _format_row(result: Result, fastest: float) -> tuple[str, ...]:
    return (
        f"  {_format_label(result)}",
        f"{result.median / fastest:.2f}",
        _format_quantity(result.median, "s"),
        f"{100 * result.spread:.0f} %",
        f"{result.samples_per_second:,.0f}" if result.batch_size else "-",
        f"{100 * result.share:.0f} %",
        _format_quantity(result.limit, _rate_unit(result)),
    )


def _rate_unit(result: Result) -> str:
    return f"{result.floor_unit}/s"


def _format_quantity(value: float, unit: str) -> str:
    """Return a number with a prefix, such as ``"95.0 us"`` or ``"40.0 GFLOP/s"``."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m")):
        if value >= factor and (unit != "s" or factor <= 1.0):
            return f"{value / factor:.1f} {prefix}{unit}"
    return f"{value / 1e-6:.1f} u{unit}"


def _make_record(result: Result, about: str) -> dict[str, Any]:
    """Return a line of the CSV file."""
    first, third = result.quartiles
    return {
        "model": result.model,
        "task": result.task,
        "batch_size": result.batch_size or "",
        "backend": result.backend,
        "version": result.version,
        "device": result.device,
        "float32_products": result.float32_products,
        "machine": about,
        "median_seconds": result.median,
        "first_quartile_seconds": first,
        "third_quartile_seconds": third,
        "spread": result.spread,
        "samples_per_second": result.samples_per_second if result.batch_size else "",
        "share": result.share,
        "limit": result.limit,
        "limit_unit": _rate_unit(result),
        "calls": result.calls,
        "rounds": len(result.seconds),
        "seconds": " ".join(map(repr, result.seconds)),
        "floor_seconds": " ".join(map(repr, result.floor_seconds)),
    }


def _draw_tasks(panel: "Axes", tasks: dict[str, list[Result]], labels: list[str]) -> None:
    """Draw dots on a logarithmic axis, which has no zero for bars, with a colour for each backend."""
    for number, label in enumerate(labels):
        own = [result for group in tasks.values() for result in group if _format_label(result) == label]
        places = [place + _ROOM * ((number + 0.5) / len(labels) - 0.5) for place in range(len(own))]
        times = [1e6 * result.median for result in own]
        floors = [1e6 * result.share * result.median for result in own]
        ends = [[1e6 * end for end in result.quartiles] for result in own]
        colour = figures.COLOURS[number % len(figures.COLOURS)]
        panel.scatter(times, places, color=colour, s=36, zorder=3, label=label)
        panel.scatter(floors, places, color=colour, marker="|", s=60)
        panel.hlines(places, floors, times, color=colour, linewidth=0.8, linestyle="dotted")
        panel.hlines(places, [first for first, _ in ends], [third for _, third in ends], color=colour, linewidth=3.0)
    panel.set_xscale("log")
    figures.label_logarithmic(panel.xaxis, figures.import_matplotlib("ticker").StrMethodFormatter("{x:,g}"))
    panel.set_yticks(range(len(tasks)), list(tasks))
    panel.set_ylim(len(tasks) - 0.5, -0.5)  # the first task on top
    panel.grid(axis="x", alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
