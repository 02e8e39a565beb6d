"""Report of each part: tables, a figure, and all values separated by commas."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from benchmarks import pictures, tables
from benchmarks.measurement import Measurement
from benchmarks.whole_process import Program

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RATIOS = (
    "Our time divided by the other library's (below 1: faster), for the best rounds and in brackets for the medians."
)
_TIMES = "Microseconds of the best round, and in brackets the median of the rounds."
_PROGRAMS = (
    "Our values divided by those of the other library; seconds for the best rounds, and in brackets for the medians."
)
_SECONDS = "Seconds of the best round, and in brackets the median; results of the validation after the last epoch."


@dataclass(frozen=True)
class Page:
    """Paragraphs and tables in Markdown, a table in CSV, and a figure."""

    body: str
    csv: str
    picture: "Figure"


def of_steps(measurements: Sequence[Measurement]) -> Page:
    """Return the page of training steps."""
    return Page(_both_tables(measurements), _csv(measurements), pictures.of_steps(measurements))


def of_updates(measurements: Sequence[Measurement]) -> Page:
    """Return the page of updates, whose figure has a panel for each rule."""
    panels = {rule: list(group) for rule, group in groupby(measurements, lambda each: each.task.rule)}
    picture = pictures.against_size(panels, "microseconds an update (best round) against parameters")
    return Page(_both_tables(measurements), _csv(measurements), picture)


def of_scaling(measurements: Sequence[Measurement]) -> Page:
    """Return the page of steps at growing sizes, whose figure has a panel for each size."""
    panels = {part: list(group) for part, group in groupby(measurements, lambda each: each.task.part)}
    picture = pictures.against_size(panels, "microseconds a step (best round)")
    return Page(_both_tables(measurements), _csv(measurements), picture)


def of_estimators(measurements: Sequence[Measurement]) -> Page:
    """Return the page of the estimators' fits."""
    return Page(_both_tables(measurements), _csv(measurements), pictures.of_steps(measurements))


def of_programs(programs: Sequence[Program]) -> Page:
    """Return the page of whole processes."""
    body = [_PROGRAMS, tables.program_ratios(programs), _SECONDS, tables.program_figures(programs)]
    headings = ["contender", "seconds", "peak_bytes", *programs[0].outcome]
    rows = [[each.contender, _joined(each.seconds), _joined(each.peaks), *each.outcome.values()] for each in programs]
    return Page("\n\n".join(body), tables.csv_text(headings, rows), pictures.of_programs(programs))


def _both_tables(measurements: Sequence[Measurement]) -> str:
    return "\n\n".join([_RATIOS, tables.ratios(measurements), _TIMES, tables.microseconds(measurements)])


def _csv(measurements: Sequence[Measurement]) -> str:
    headings = ["part", "task", "contender", "steps_a_round", "best_seconds", "median_seconds", "seconds"]
    rows = [
        [each.task.part, each.task.name, each.contender, each.steps, each.best, each.median, _joined(each.seconds)]
        for each in measurements
    ]
    return tables.csv_text(headings, rows)


def _joined(values: Sequence[float]) -> str:
    return " ".join(map(repr, values))
