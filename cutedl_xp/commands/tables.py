"""Tables of a study in the terminal; each fits into 60 columns."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from cutedl_xp.commands._output import say, show_table
from cutedl_xp.studies import summary

_Row = Mapping[str, Any]


def show(kind: str, runs: Sequence[_Row]) -> None:
    """Print the tables of a study's finished runs, for each data set and model in turn."""
    final = [run for run in runs if run["purpose"] == "final"]
    if kind == "sweep":
        _show_sweep(final)
    else:
        _show_comparison(final)


def show_run(run: _Row) -> None:
    """Print the figures of one run."""
    figures = run["figures"]
    rows = [
        ("steps", _format(figures["steps"])),
        ("seconds", f"{figures['seconds']:.1f}"),
        ("validation loss", _format(figures["val_loss"])),
        ("validation accuracy", _format(figures["val_accuracy"])),
        ("test accuracy", _format(figures["test_accuracy"])),
    ]
    if run["settings"]["target"] is not None:
        rows.append(("steps to target", _format(figures["steps_to_target"] or math.inf)))
    if figures["inactive_outputs"]:
        rows.append(("inactive outputs", ", ".join(figures["inactive_outputs"])))
    rows.append(("stopped", str(run["stop_reason"])))
    show_table(_title(run), (str(run["optimizer"]), f"seed {run['seed']}"), rows)


def _show_comparison(runs: Sequence[_Row]) -> None:
    for rows in _by_task(summary.summarise(runs)):
        _show_accuracy(rows)
        _show_effort(rows)
        _show_ends(rows)
    for rows in _by_task(summary.differences(runs)):
        _show_differences(rows)


def _show_accuracy(rows: Sequence[_Row]) -> None:
    cells = [
        (
            row["optimizer"],
            str(row["runs"]),
            _format(row["mean_test_accuracy"]),
            _format_range(row["test_accuracy_low"], row["test_accuracy_high"]),
            _format(row["median_val_loss"]),
        )
        for row in rows
    ]
    caption = "Mean over the seeds with its 95 % bootstrap interval; median of the last validation losses."
    columns = ("optimizer", "runs", "test accuracy", "interval", "val loss")
    show_table(f"{_title(rows[0])}: accuracy", columns, cells, caption)


def _show_effort(rows: Sequence[_Row]) -> None:
    target = rows[0]["target"]
    columns = ["optimizer", "steps", "seconds"]
    cells = [[row["optimizer"], *(_format(row[f"median_{name}"]) for name in ("steps", "seconds"))] for row in rows]
    caption = "Medians over the seeds."
    if target is not None:
        columns += ["reached", "steps then", "seconds then"]
        for row, line in zip(rows, cells, strict=True):
            line.append(f"{row['runs_at_target']} of {row['runs']}")
            line += [_format(row[f"median_{name}_to_target"]) for name in ("steps", "seconds")]
        caption = f"Medians over the seeds; reached: a validation accuracy above {target}."
    show_table(f"{_title(rows[0])}: effort", columns, cells, caption)


def _show_ends(rows: Sequence[_Row]) -> None:
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
    show_table(f"{_title(rows[0])}: ends of the runs", columns, cells)


def _show_differences(rows: Sequence[_Row]) -> None:
    """Print the pairs whose difference is larger than the spread over seeds, and count the others."""
    found = [row for row in rows if row["verdict"].endswith("is better")]
    others = sorted({row["verdict"]: 0 for row in rows if row not in found})
    counts = [f"{sum(row['verdict'] == verdict for row in rows)} pairs: {verdict}." for verdict in others]
    caption = " ".join([*counts, "Wilcoxon's signed-rank test over common seeds, corrected by Holm's method."])
    title = f"{_title(rows[0])}: differences in test accuracy"
    if not found:
        say(f"{title}\n{caption}\n")
        return
    cells = [
        (_describe_pair(row), _format(abs(row["median_difference"])), f"{row['corrected_p']:.3f}") for row in found
    ]
    show_table(title, ("pair", "median difference", "corrected p"), cells, caption)


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


def _format(value: float | None) -> str:
    """Return a number for readers: 4 decimals, none from 1000 on; a target that was not reached is infinite."""
    if value is None:
        return "-"
    if math.isinf(value):
        return "never"
    if math.isnan(value):
        return "not finite"
    if isinstance(value, int) or abs(value) >= 1000.0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100.0 else f"{value:.4f}"
