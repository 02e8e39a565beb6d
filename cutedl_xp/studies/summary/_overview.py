"""Summary of the runs of each optimizer."""

from collections import Counter
from collections.abc import Iterable, Sequence

from cutedl_xp.studies import statistics
from cutedl_xp.studies.summary._values import COSTS, TO_TARGET, Row, Run, group, is_finite, read_values

_SPREADS = ("val_accuracy", "best_val_accuracy", "val_loss", "best_val_loss", *COSTS)
_ENDS = {"epochs": "all epochs", "not_finite": "not finite"}


def summarise(runs: Iterable[Run]) -> list[Row]:
    """Return a row for each data set, model and optimizer, over all its seeds.

    Parameters
    ----------
    runs
        Runs of a study; trials of a tuning are ignored.

    Returns
    -------
    list of dict
        Medians and quartiles over the seeds, the mean test accuracy with its 95 % interval, the steps and seconds to
        the target (infinite for a run that never reached it), and the numbers of runs that were not finite or ended
        with inactive outputs. Missing figures are None. A run that was not finite counts with an accuracy of 0 and an
        infinite loss.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    """
    return [
        {"data": data, "model": model, "optimizer": optimizer} | _summarise(list(seeds.values()))
        for (data, model), optimizers in group(runs).items()
        for optimizer, seeds in optimizers.items()
    ]


def _summarise(runs: Sequence[Run]) -> Row:
    row: Row = {"runs": len(runs)}
    accuracies = read_values(runs, "test_accuracy")
    low, high = statistics.mean_interval(accuracies)
    row["mean_test_accuracy"] = sum(accuracies) / len(accuracies) if accuracies else None
    row["test_accuracy_low"] = low if len(accuracies) > 1 else None
    row["test_accuracy_high"] = high if len(accuracies) > 1 else None
    for figure in _SPREADS:
        row |= _spread(runs, figure)
    row["target"] = runs[0]["settings"].get("target")
    row["runs_at_target"] = None
    if row["target"] is not None:
        steps = read_values(runs, "steps_to_target")
        row["runs_at_target"] = sum(each != float("inf") for each in steps)
    for figure in TO_TARGET:
        row |= _spread(runs, figure)
    row["not_finite_runs"] = sum(not is_finite(run) for run in runs)
    row["inactive_runs"] = sum(bool(run["figures"].get("inactive_outputs")) for run in runs)
    row["inactive_outputs"] = _count(name for run in runs for name in run["figures"].get("inactive_outputs", ()))
    row["stop_reasons"] = _count(_describe_end(run) for run in runs)
    return row


def _spread(runs: Sequence[Run], figure: str) -> Row:
    """Return the median and the quartiles of a figure."""
    values = read_values(runs, figure)
    lower, middle, upper = statistics.quartiles(values) if values else (None, None, None)
    return {f"median_{figure}": middle, f"lower_quartile_{figure}": lower, f"upper_quartile_{figure}": upper}


def _describe_end(run: Run) -> str:
    """Return the reason for the end of a run, without numbers that differ between runs, such as the step."""
    return _ENDS.get(run["stopped_by"]) or str(run["stop_reason"])


def _count(names: Iterable[str]) -> str:
    """Return a text of the names with their counts, the most frequent name first."""
    return "; ".join(f"{name} ({count})" for name, count in Counter(names).most_common())
