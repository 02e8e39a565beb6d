"""Learning rates of a sweep: the accuracy at each rate, and the range of usable rates."""

import math
from collections.abc import Iterable, Mapping, Sequence

from cutedl_xp import _checks
from cutedl_xp.studies import statistics
from cutedl_xp.studies.summary._values import ACCURACIES, Row, Run, Task, group, group_by_rate, is_finite, read_values

USABLE = 0.99
"""Smallest median accuracy of a usable rate, as a fraction of the best rate's accuracy."""


def rates(runs: Iterable[Run], figure: str = "val_accuracy") -> list[Row]:
    """Return a row for each data set, model, optimizer and learning rate.

    Parameters
    ----------
    runs
        Runs of a sweep; trials of a tuning are ignored.
    figure
        Accuracy to compare, default ``"val_accuracy"`` for the last validation. A run that was not finite counts with
        an accuracy of 0.

    Returns
    -------
    list of dict
        The optimizer without its rate, the rate, the median and quartiles of the accuracy over the seeds, the median
        of the steps to the target (infinite if never), the numbers of runs that were not finite or ended with inactive
        outputs, and whether the rate is usable.

    Raises
    ------
    TypeError, ValueError
        If ``figure`` is no accuracy.
    """
    rows = []
    for (data, model), families in _sort(runs, figure).items():
        for family, sweep in families.items():
            medians = _medians(sweep, figure)
            least = USABLE * max(medians.values())
            for lr, seeds in sweep.items():
                row = {"data": data, "model": model, "optimizer": family, "lr": lr}
                rows.append(row | _summarise(seeds, figure) | {"usable": medians[lr] >= least > 0.0})
    return rows


def usable_rates(runs: Iterable[Run], figure: str = "val_accuracy") -> list[Row]:
    """Return a row for each data set, model and optimizer: its best rate and the range of its usable rates.

    Parameters
    ----------
    runs, figure
        As for :func:`rates`.

    Returns
    -------
    list of dict
        The best rate and its median accuracy, and the ends of the usable range around it with its width in decades.
        The ends are interpolated on the logarithm of the rate, between the last usable rate and its neighbour.
        ``cut_off`` names the ends ("low", "high") at which the range reaches the border of the grid and may be wider.
        Usable rates are relative to the optimizer's own best rate; without an accuracy above 0 no rate is usable.

    Raises
    ------
    TypeError, ValueError
        If ``figure`` is no accuracy.
    """
    return [
        {"data": data, "model": model, "optimizer": family} | _find_range(_medians(sweep, figure), figure)
        for (data, model), families in _sort(runs, figure).items()
        for family, sweep in families.items()
    ]


def _sort(runs: Iterable[Run], figure: str) -> dict[Task, dict[str, dict[float, list[Run]]]]:
    """Return the runs by task, then by optimizer without its rate, then by ascending rate."""
    _checks.check_one_of("figure", figure, ACCURACIES)
    return {task: group_by_rate(optimizers) for task, optimizers in group(runs).items()}


def _medians(sweep: Mapping[float, Sequence[Run]], figure: str) -> dict[float, float]:
    return {lr: statistics.quartiles(read_values(seeds, figure) or [0.0])[1] for lr, seeds in sweep.items()}


def _summarise(seeds: Sequence[Run], figure: str) -> Row:
    values, steps = read_values(seeds, figure), read_values(seeds, "steps_to_target")
    lower, middle, upper = statistics.quartiles(values) if values else (None, None, None)
    return {
        "runs": len(seeds),
        f"median_{figure}": middle,
        f"lower_quartile_{figure}": lower,
        f"upper_quartile_{figure}": upper,
        "runs_at_target": sum(map(math.isfinite, steps)) if steps else None,
        "median_steps_to_target": statistics.quartiles(steps)[1] if steps else None,
        "not_finite_runs": sum(not is_finite(run) for run in seeds),
        "inactive_runs": sum(bool(run["figures"].get("inactive_outputs")) for run in seeds),
    }


def _find_range(medians: Mapping[float, float], figure: str) -> Row:
    grid = list(medians)
    best = max(grid, key=medians.__getitem__)
    row: Row = {"rates": len(grid), "best_lr": best, f"best_median_{figure}": medians[best]}
    if medians[best] <= 0.0:
        empty = {"lowest_usable_lr": None, "highest_usable_lr": None, "usable_decades": 0.0, "cut_off": ""}
        return row | {"best_lr": None} | empty
    place, least = grid.index(best), USABLE * medians[best]
    low, low_is_cut = _find_end(grid[place::-1], medians, least)
    high, high_is_cut = _find_end(grid[place:], medians, least)
    cut_off = ", ".join(name for name, cut in (("low", low_is_cut), ("high", high_is_cut)) if cut)
    ends = {"lowest_usable_lr": low, "highest_usable_lr": high, "usable_decades": math.log10(high / low)}
    return row | ends | {"cut_off": cut_off}


def _find_end(grid: Sequence[float], medians: Mapping[float, float], least: float) -> tuple[float, bool]:
    """Return the rate at which the accuracy falls below ``least`` along the grid, and whether the grid ends before."""
    usable = grid[0]
    for rate in grid[1:]:
        if medians[rate] < least:
            share = (medians[usable] - least) / (medians[usable] - medians[rate])
            return usable * (rate / usable) ** share, False
        usable = rate
    return usable, True
