"""What came of the runs as a table: on the screen, as CSV and as Markdown, the article's own figures beside it."""

import csv
import io
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import article
from runs import RunResult

Value: TypeAlias = str | int | float | None


class Column(NamedTuple):
    """A heading, how a value is written, and which it is; on a narrow screen the one of the highest rank goes first."""

    heading: str
    form: str
    value: Callable[[RunResult], Value]
    rank: int = 0


def _published(result: RunResult) -> article.Published:
    return article.EXPERIMENTS[result.optimizer].published


def _best(values: Sequence[float]) -> float:
    return max((value for value in values if math.isfinite(value)), default=math.nan)


COLUMNS = (
    Column("optimizer", "", lambda result: result.optimizer),
    Column("seed", "d", lambda result: result.seed),
    Column("steps", ",d", lambda result: result.history.steps[-1]),
    Column("best val acc", ".4f", lambda result: _best(result.history.val_accuracy)),
    Column("final val acc", ".4f", lambda result: result.history.val_accuracy[-1], 3),
    Column("final train loss", ".4f", lambda result: result.history.loss[-1], 6),
    Column("final val loss", ".4f", lambda result: result.history.val_loss[-1]),
    Column("seconds", ",.1f", lambda result: result.history.cost_time[-1]),
    Column("dead outputs", "d", lambda result: result.dead_outputs),
    Column("article steps", ",d", lambda result: _published(result).steps, 1),
    Column("article best acc", ".4f", lambda result: _published(result).best_accuracy, 2),
    Column("article val loss", ".4f", lambda result: _published(result).final_val_loss, 4),
    Column("article seconds", ",.1f", lambda result: _published(result).seconds, 5),
    Column("stopped because", "", lambda result: result.history.stop_reason or "not ended"),
)
_GAP = 2
# How a stop reason begins, and the word for it where there is little room.
_SHORT = {
    "val_loss has not improved": "no gain",
    "val_accuracy was above": "target",
    "all epochs done": "all epochs",
    "loss is": "not finite",
    "val_loss is": "not finite",
}


def as_text(results: Sequence[RunResult], caption: str, width: int) -> str:
    """For a screen: as many columns as fit into ``width``, their headings one word a line, numbers to the right."""
    columns, cells = list(COLUMNS), _stacked(COLUMNS, results)
    while sum(_widths(cells)) + _GAP * (len(columns) - 1) > width and max(column.rank for column in columns):
        columns.remove(max(columns, key=lambda column: column.rank))
        cells = _stacked(columns, results)
    widths = _widths(cells)
    lines = [_line(columns, line, widths) for line in cells]
    lines.insert(len(cells) - len(results), "  ".join("-" * each for each in widths))
    notes = [f"{short}: {reason}" for reason, short in _reasons(results).items() if not reason.startswith(short)]
    if len(columns) < len(COLUMNS):
        left_out = ", ".join(column.heading for column in COLUMNS if column not in columns)
        notes.append(f"left out here for its width: {left_out}")
    wrapped = [textwrap.fill(note, width, subsequent_indent="  ") for note in notes]
    return "\n".join([textwrap.fill(caption, width), "", *lines, *[""] * bool(wrapped), *wrapped])


def as_markdown(results: Sequence[RunResult], caption: str) -> str:
    """For a document."""
    headings = [column.heading for column in COLUMNS]
    rule = ["---:" if column.form else "---" for column in COLUMNS]
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, rule, *_written(COLUMNS, results))]
    return "\n".join([caption, "", *lines, ""])


def as_csv(results: Sequence[RunResult], data: str) -> str:
    """For a program: all digits, and on every line which images the run was trained on."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*(column.heading.replace(" ", "_") for column in COLUMNS), "data"])
    writer.writerows([*(column.value(result) for column in COLUMNS), data] for result in results)
    return file.getvalue()


def _written(columns: Sequence[Column], results: Sequence[RunResult]) -> list[list[str]]:
    """The cells as text; what is not known is a question mark."""
    values = [[(column.value(result), column.form) for column in columns] for result in results]
    return [["?" if value is None else format(value, form) for value, form in row] for row in values]


def _stacked(columns: Sequence[Column], results: Sequence[RunResult]) -> list[list[str]]:
    """The lines of a table for the screen: those of the headings, and one a run, with its stop reason in a word."""
    headings = [column.heading.split() for column in columns]
    height = max(map(len, headings))
    padded = [[""] * (height - len(words)) + words for words in headings]
    reasons = _reasons(results)
    body = [[reasons.get(cell, cell) for cell in row] for row in _written(columns, results)]
    return [*map(list, zip(*padded, strict=True)), *body]


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = [
        cell.rjust(width) if column.form else cell.ljust(width)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    ]
    return (" " * _GAP).join(aligned).rstrip()


def _reasons(results: Sequence[RunResult]) -> dict[str, str]:
    """The stop reasons of the runs, each with its word; one of another kind is shortened."""
    reasons = [result.history.stop_reason or "not ended" for result in results]
    words = {reason: [word for start, word in _SHORT.items() if reason.startswith(start)] for reason in reasons}
    return {reason: (known or [textwrap.shorten(reason, 12, placeholder="...")])[0] for reason, known in words.items()}
