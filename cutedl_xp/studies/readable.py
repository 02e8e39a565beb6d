"""Tables of a study for readers, in the terminal and in Markdown; each fits into 60 columns."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from cutedl_xp.studies import summary, tuning

_Row = Mapping[str, Any]
_FACTORS = (1.0, 2.0, 4.0, math.inf)  # multiples of the fastest optimizer's steps
_BAR = "\\|"
_LARGE_LOSS = 1e4  # four decimals of larger losses have no meaning
_EFFORT = (("steps", 0), ("seconds", 2))  # figures, and their decimals


class ReadableTable(NamedTuple):
    """Table of texts; the caption of a table without rows gives the reason."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]] = ()
    caption: str = ""

    def to_markdown(self) -> str:
        """Return the table under a heading, with the caption below; the first column holds names."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows] if self.rows else []
        table = "".join(f"| {' | '.join(cell.replace('|', _BAR) for cell in line)} |\n" for line in lines)
        return "\n".join([f"## {self.title}\n", table, *[f"{self.caption}\n"] * bool(self.caption)])


def make_tables(kind: str, runs: Sequence[_Row]) -> list[ReadableTable]:
    """Return the tables of a study's finished runs, sorted by data set and model.

    Parameters
    ----------
    kind
        ``"compare"`` or ``"sweep"``.
    runs
        Finished runs as plain values; the trials of a tuning have a table of their own.
    """
    final = [run for run in runs if run["purpose"] == "final"]
    if kind == "sweep":
        return [
            *map(_tabulate_rates, _by_task(summary.rates(final))),
            *map(_tabulate_usable_rates, _by_task(summary.usable_rates(final))),
        ]
    trials = [run for run in runs if run["purpose"] == "trial"]
    tables = list(map(_tabulate_trials, _by_task(sorted(trials, key=_title))))
    for rows in _by_task(summary.summarise(final)):
        tables += [_tabulate_accuracy(rows), _tabulate_effort(rows), _tabulate_ends(rows)]
    tables += map(_tabulate_differences, _by_task(summary.differences(final)))
    return [*tables, *_tabulate_profile(summary.profile(final))]


def tabulate_run(run: _Row) -> ReadableTable:
    """Return a table of the figures of one run."""
    figures = run["figures"]
    rows = [
        ("steps", _format(figures["steps"], 0)),
        ("seconds", _format(figures["seconds"], 2)),
        ("validation loss", _format_loss(figures["val_loss"])),
        ("validation accuracy", _format(figures["val_accuracy"])),
        ("test accuracy", _format(figures["test_accuracy"])),
    ]
    if run["settings"]["target"] is not None:
        rows.append(("steps to target", _format(figures["steps_to_target"] or math.inf, 0)))
    if figures["inactive_outputs"]:
        rows.append(("inactive outputs", ", ".join(figures["inactive_outputs"])))
    rows.append(("stopped", str(run["stop_reason"])))
    return ReadableTable(_title(run), (str(run["optimizer"]), f"seed {run['seed']}"), rows)


def _tabulate_trials(trials: Sequence[_Row]) -> ReadableTable:
    cells = [
        (row["best"], str(row["trials"]), _format(row["val_accuracy"]), _format(row["median_val_accuracy"]))
        for row in tuning.summarise_trials(trials)
    ]
    caption = "Best trial of each optimizer, and the median of all its trials; last validation accuracies."
    return ReadableTable(f"{_title(trials[0])}: tuning", ("best trial", "trials", "best", "median"), cells, caption)


def _tabulate_accuracy(rows: Sequence[_Row]) -> ReadableTable:
    cells = [
        (
            row["optimizer"],
            str(row["runs"]),
            _format(row["mean_test_accuracy"]),
            _format_range(row["test_accuracy_low"], row["test_accuracy_high"]),
            _format_loss(row["median_val_loss"]),
        )
        for row in rows
    ]
    caption = "Mean over the seeds with its 95 % bootstrap interval; median of the last validation losses."
    columns = ("optimizer", "runs", "test accuracy", "interval", "val loss")
    return ReadableTable(f"{_title(rows[0])}: accuracy", columns, cells, caption)


def _tabulate_effort(rows: Sequence[_Row]) -> ReadableTable:
    target = rows[0]["target"]
    columns = ["optimizer", "steps", "seconds"]
    cells = [[row["optimizer"], *(_format(row[f"median_{name}"], digits) for name, digits in _EFFORT)] for row in rows]
    caption = "Medians over the seeds."
    if target is not None:
        columns += ["reached", "steps then", "seconds then"]
        for row, line in zip(rows, cells, strict=True):
            line.append(f"{row['runs_at_target']} of {row['runs']}")
            line += [_format(row[f"median_{name}_to_target"], digits) for name, digits in _EFFORT]
        caption = f"Medians over the seeds; reached: a validation accuracy above {target}."
    return ReadableTable(f"{_title(rows[0])}: effort", columns, cells, caption)


def _tabulate_ends(rows: Sequence[_Row]) -> ReadableTable:
    cells = [
        (
            row["optimizer"],
            str(row["not_finite_runs"]),
            f"{row['inactive_runs']}{': ' * bool(row['inactive_outputs'])}{row['inactive_outputs']}",
            row["stop_reasons"],
        )
        for row in rows
    ]
    columns = ("optimizer", "not finite", "inactive outputs", "stopped (runs)")
    return ReadableTable(f"{_title(rows[0])}: ends of the runs", columns, cells)


def _tabulate_differences(rows: Sequence[_Row]) -> ReadableTable:
    """Return a table of the pairs whose difference exceeds the spread over seeds, with the number of other pairs."""
    found = [row for row in rows if row["verdict"].endswith("is better")]
    others = sorted({row["verdict"] for row in rows if row not in found})
    counts = []
    for verdict in others:
        number = sum(row["verdict"] == verdict for row in rows)
        counts.append(f"{number} pair{'s' * (number != 1)}: {verdict}.")
    caption = " ".join([*counts, "Wilcoxon's signed-rank test over common seeds, corrected by Holm's method."])
    title = f"{_title(rows[0])}: differences in test accuracy"
    if not found:
        return ReadableTable(title, (), (), caption)
    cells = [
        (_describe_pair(row), _format(abs(row["median_difference"])), f"{row['corrected_p']:.3f}") for row in found
    ]
    return ReadableTable(title, ("pair", "median difference", "corrected p"), cells, caption)


def _tabulate_profile(rows: Sequence[_Row]) -> list[ReadableTable]:
    """Return a table of the share of tasks that each optimizer solves within some factors of the fewest steps."""
    if not rows or rows[0]["tasks"] < 2:
        return []
    shares: dict[str, list[_Row]] = {}
    for row in rows:
        shares.setdefault(row["optimizer"], []).append(row)
    cells = []
    for optimizer, points in shares.items():
        reached = [max((each["share_solved"] for each in points if each["factor"] <= r), default=0.0) for r in _FACTORS]
        cells.append((optimizer, *(f"{share:.0%}" for share in reached)))
    columns = ("optimizer", "fastest", *(f"within {factor:g} x" for factor in _FACTORS[1:-1]), "at all")
    caption = (
        f"Share of {rows[0]['tasks']} tasks solved within a multiple of the fastest optimizer's steps to the target."
    )
    return [ReadableTable("Performance profile", columns, cells, caption)]


def _tabulate_rates(rows: Sequence[_Row]) -> ReadableTable:
    cells = [
        (
            row["optimizer"],
            f"{row['lr']:g}",
            _format(row["median_val_accuracy"]),
            _format_range(row["lower_quartile_val_accuracy"], row["upper_quartile_val_accuracy"]),
            _format(row["median_steps_to_target"], 0),
            f"{row['not_finite_runs']}, {row['inactive_runs']}",
            "yes" if row["usable"] else "no",
        )
        for row in rows
    ]
    columns = ("optimizer", "rate", "val accuracy", "quartiles", "steps to target", "ends", "usable")
    caption = "Medians over the seeds. Ends: number of runs that were not finite, and number with inactive outputs."
    return ReadableTable(f"{_title(rows[0])}: learning rates", columns, cells, caption)


def _tabulate_usable_rates(rows: Sequence[_Row]) -> ReadableTable:
    cells = []
    for row in rows:
        ends = [row["lowest_usable_lr"], row["highest_usable_lr"]]
        limits = "none" if None in ends else f"{ends[0]:.2g} to {ends[1]:.2g}"
        decades = f"{'at least ' * bool(row['cut_off'])}{row['usable_decades']:.1f}"
        best = "-" if row["best_lr"] is None else f"{row['best_lr']:g}"
        cells.append((row["optimizer"], best, _format(row["best_median_val_accuracy"]), limits, decades))
    columns = ("optimizer", "best rate", "val accuracy", "usable rates", "decades")
    caption = "Usable: a median accuracy within 1 % of the optimizer's best, interpolated between the rates."
    if any(row["cut_off"] for row in rows):
        caption += " At least: the grid ends before the range."
    return ReadableTable(f"{_title(rows[0])}: usable learning rates", columns, cells, caption)


def _describe_pair(row: _Row) -> str:
    first, second = row["optimizer_a"], row["optimizer_b"]
    return f"{row['verdict']} than {second if row['verdict'] == f'{first} is better' else first}"


def _by_task(rows: Iterable[_Row]) -> list[list[_Row]]:
    """Return the rows of each data set and model."""
    return [list(group) for _, group in groupby(rows, key=lambda row: (row["data"], row["model"]))]


def _title(row: _Row) -> str:
    return f"{row['data']}, {row['model']}"


def _format_range(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def _format_loss(value: float | None) -> str:
    """Return a loss as text; the loss of a run that was not finite is infinite."""
    if value is None or abs(value) < _LARGE_LOSS:
        return _format(value)
    return f"{value:.3g}" if math.isfinite(value) else "not finite"


def _format(value: float | None, digits: int = 4) -> str:
    """Return a number as text; infinity means a target that was not reached."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "not finite"
    return "never" if math.isinf(value) else f"{value:,.{digits}f}"
