"""What came of the runs as a table: on the screen, as CSV and as Markdown, the article's own figures beside it."""

import csv
import io
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import article
from runs import RunResult

Value: TypeAlias = str | int | float


class Column(NamedTuple):
    """A heading, how a value is written, and which it is."""

    heading: str
    form: str
    value: Callable[[RunResult], Value]


def _published(result: RunResult) -> article.Published:
    return article.EXPERIMENTS[result.optimizer].published


def _best(values: Sequence[float]) -> float:
    return max((value for value in values if math.isfinite(value)), default=math.nan)


COLUMNS = (
    Column("optimizer", "", lambda result: result.optimizer),
    Column("seed", "d", lambda result: result.seed),
    Column("steps", ",d", lambda result: result.history.steps[-1]),
    Column("best val acc", ".4f", lambda result: _best(result.history.val_accuracy)),
    Column("final val acc", ".4f", lambda result: result.history.val_accuracy[-1]),
    Column("final train loss", ".4f", lambda result: result.history.loss[-1]),
    Column("final val loss", ".4f", lambda result: result.history.val_loss[-1]),
    Column("seconds", ",.1f", lambda result: result.history.cost_time[-1]),
    Column("dead outputs", "d", lambda result: result.dead_outputs),
    Column("article steps", ",d", lambda result: _published(result).steps),
    Column("article best acc", ".4f", lambda result: _published(result).best_accuracy),
    Column("article val loss", ".4f", lambda result: _published(result).final_val_loss),
    Column("article seconds", ",.1f", lambda result: _published(result).seconds),
    Column("stopped because", "", lambda result: result.history.stop_reason or "not ended"),
)
_NUMBERS = [bool(column.form) for column in COLUMNS]


def as_text(results: Sequence[RunResult], caption: str) -> str:
    """For a screen: the headings one word a line, as the columns are narrow; numbers to the right."""
    headings = [column.heading.split() for column in COLUMNS]
    height = max(map(len, headings))
    stacked = [[""] * (height - len(words)) + words for words in headings]
    heading_lines = [list(line) for line in zip(*stacked, strict=True)]
    body = _written(results)
    widths = [max(map(len, cells)) for cells in zip(*heading_lines, *body, strict=True)]
    rule = ["-" * width for width in widths]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, _NUMBERS, strict=True)
        ).rstrip()
        for line in [*heading_lines, rule, *body]
    ]
    return "\n".join([textwrap.fill(caption, len(lines[height])), "", *lines])


def as_markdown(results: Sequence[RunResult], caption: str) -> str:
    """For a document."""
    headings = [column.heading for column in COLUMNS]
    rule = ["---:" if number else "---" for number in _NUMBERS]
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, rule, *_written(results))]
    return "\n".join([caption, "", *lines, ""])


def as_csv(results: Sequence[RunResult], data: str) -> str:
    """For a program: all digits, and on every line which images the run was trained on."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*(column.heading.replace(" ", "_") for column in COLUMNS), "data"])
    writer.writerows([*(column.value(result) for column in COLUMNS), data] for result in results)
    return file.getvalue()


def _written(results: Sequence[RunResult]) -> list[list[str]]:
    return [[format(column.value(result), column.form) for column in COLUMNS] for result in results]
