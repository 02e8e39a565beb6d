"""Differences between optimizers, compared with the spread over seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from cutedl_xp import _checks
from cutedl_xp.studies import statistics
from cutedl_xp.studies.summary._values import ACCURACIES, FIGURES, Row, Run, group, read_value


def differences(runs: Iterable[Run], figure: str = "test_accuracy") -> list[Row]:
    """Return a row for each pair of optimizers on the same data and model, with a verdict.

    Parameters
    ----------
    runs
        Runs of a study; trials of a tuning are ignored.
    figure
        Figure to compare, default ``"test_accuracy"``; any figure of a run that is a number.

    Returns
    -------
    list of dict
        The pair, the number of common seeds, the median of the differences (a minus b), the p-value of Wilcoxon's
        signed-rank test over these seeds, and the p-value corrected by Holm's method for all pairs of the table. An
        optimizer is better if the corrected p-value is at most 0.05. If this is impossible with fewer seeds than
        ``seeds_needed``, the verdict states it.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    TypeError, ValueError
        If runs have no such figure.
    """
    _checks.check_one_of("figure", figure, FIGURES)
    rows: list[Row] = []
    directions = []
    for (data, model), optimizers in group(runs).items():
        for first, second in combinations(optimizers, 2):
            found = _subtract(optimizers[first], optimizers[second], figure)
            direction, p = statistics.signed_rank_test(_bound(found))
            directions.append(direction if figure in ACCURACIES else -direction)
            pair = {"data": data, "model": model, "figure": figure, "optimizer_a": first, "optimizer_b": second}
            middle = statistics.quartiles(found)[1] if found else None
            rows.append(pair | {"seeds": len(found), "median_difference": middle, "p": p})
    corrected = statistics.holm([row["p"] for row in rows])
    needed = statistics.fewest_pairs(len(rows)) if rows else 0
    for row, direction, p in zip(rows, directions, corrected, strict=True):
        row |= {"corrected_p": p, "seeds_needed": needed}
        row["verdict"] = _judge(row, direction)
    return rows


def _subtract(first: Mapping[int, Run], second: Mapping[int, Run], figure: str) -> list[float]:
    """Return the differences over common seeds; the difference of two infinite values is 0."""
    found = []
    for seed in sorted(set(first) & set(second)):
        a, b = read_value(first[seed], figure), read_value(second[seed], figure)
        if a is not None and b is not None:
            found.append(0.0 if a == b else a - b)
    return found


def _bound(values: Sequence[float]) -> list[float]:
    """Return the values with larger finite numbers instead of infinity, which keeps the ranks."""
    largest = 1.0 + 2.0 * max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return [max(-largest, min(largest, value)) for value in values]


def _judge(row: Row, direction: float) -> str:
    if row["corrected_p"] <= statistics.LEVEL:
        return f"{row['optimizer_a'] if direction > 0 else row['optimizer_b']} is better"
    if row["seeds"] < row["seeds_needed"]:
        common = "1 common seed" if row["seeds"] == 1 else f"{row['seeds']} common seeds"
        return f"{common} cannot show a difference; at least {row['seeds_needed']} are needed"
    return "no difference shown"
