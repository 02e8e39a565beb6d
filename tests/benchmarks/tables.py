"""Tables in Markdown: ratios, and the times from which they are computed."""

import csv
import io
from collections.abc import Sequence

from benchmarks.measurement import Measurement, find
from benchmarks.tasks import OURS, Task
from benchmarks.whole_process import Program

_MISSING = "-"


def ratios(measurements: Sequence[Measurement]) -> str:
    """Return our time divided by each other contender's, for the best rounds and in brackets for the medians."""
    others = [name for name in contenders(measurements) if name not in OURS]
    rows = [
        [task.name, ours, *(_ratio(measurements, task, ours, other) for other in others)]
        for task in tasks(measurements)
        for ours in OURS
        if find(measurements, task, ours)
    ]
    return markdown(["", "ours", *(f"to {other}" for other in others)], rows)


def microseconds(measurements: Sequence[Measurement]) -> str:
    """Return the times of the best round, and in brackets the medians."""
    names = contenders(measurements)
    rows = [[task.name, *(_time(find(measurements, task, name)) for name in names)] for task in tasks(measurements)]
    return markdown(["", *names], rows)


def program_ratios(programs: Sequence[Program]) -> str:
    """Return our seconds and our peak of memory divided by each other program's."""
    mine = [program for program in programs if program.contender in OURS]
    others = [program for program in programs if program.contender not in OURS]
    rows = []
    for our in mine:
        times = [_share(our, other) for other in others]
        peaks = [f"{max(our.peaks) / max(other.peaks):.2f}" if max(other.peaks) else _MISSING for other in others]
        rows += [["seconds", our.contender, *times], ["peak of memory", our.contender, *peaks]]
    return markdown(["", "ours", *(f"to {other.contender}" for other in others)], rows)


def program_figures(programs: Sequence[Program]) -> str:
    """Return seconds, memory and the accuracy of the model."""
    rows = [
        [
            program.contender,
            f"{program.best:.2f} ({program.median:.2f})",
            f"{max(program.peaks) / 1e6:,.0f}" if max(program.peaks) else _MISSING,
            f"{program.outcome['steps']:,}",
            f"{program.outcome['val_loss']:.4f}",
            f"{program.outcome['val_accuracy']:.4f}",
        ]
        for program in programs
    ]
    return markdown(["", "seconds", "peak of memory, MB", "steps", "validation loss", "accuracy"], rows)


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in which all columns except the first are aligned to the right.

    Examples
    --------
    >>> print(markdown(["", "a"], [["x", "1"]]))
    |  | a |
    |---|---:|
    | x | 1 |
    """
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join(
        f"|{'|'.join(cells)}|" if place == 1 else f"| {' | '.join(cells)} |" for place, cells in enumerate(lines)
    )


def csv_text(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return values separated by commas."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([headings, *rows])
    return text.getvalue()


def tasks(measurements: Sequence[Measurement]) -> list[Task]:
    """Return the distinct values in their order."""
    return list(dict.fromkeys(measurement.task for measurement in measurements))


def contenders(measurements: Sequence[Measurement]) -> list[str]:
    """Return the distinct values in their order."""
    return list(dict.fromkeys(measurement.contender for measurement in measurements))


def _ratio(measurements: Sequence[Measurement], task: Task, ours: str, other: str) -> str:
    mine, theirs = (find(measurements, task, name) for name in (ours, other))
    if mine is None or theirs is None:
        return _MISSING
    return _share(mine, theirs)


def _share(mine: Measurement | Program, theirs: Measurement | Program) -> str:
    best, median = mine.best / theirs.best, mine.median / theirs.median
    return f"{best:.{_decimals(best)}f} ({median:.{_decimals(median)}f})"


def _decimals(share: float) -> int:
    return 2 if share >= 0.1 else 3


def _time(measurement: Measurement | None) -> str:
    if measurement is None:
        return _MISSING
    return f"{_shown(measurement.best)} ({_shown(measurement.median)})"


def _shown(seconds: float) -> str:
    """Return microseconds with three significant digits."""
    value = 1e6 * seconds
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
