"""Values of runs for a ranking, including runs that diverged or never reached the target."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cutedl_xp.studies import optimizer_text
from cutedl_xp.studies.families import remove_options

Run = Mapping[str, Any]
Row = dict[str, Any]
Task = tuple[str, str]

ACCURACIES = ("val_accuracy", "best_val_accuracy", "test_accuracy")
LOSSES = ("loss", "val_loss", "best_val_loss", "test_loss")
COSTS = ("steps", "seconds")
TO_TARGET = ("steps_to_target", "seconds_to_target")
FIGURES = (*ACCURACIES, *LOSSES, *COSTS, *TO_TARGET)


def is_finite(run: Run) -> bool:
    """Return whether all losses of a run were finite."""
    figures = run["figures"]
    return run["stopped_by"] != "not_finite" and all(_is_number(figures[name]) for name in ("loss", "val_loss"))


def read_value(run: Run, figure: str) -> float | None:
    """Return a figure of a run as a number that can be ranked, or None if the run has no such figure.

    A run whose losses were not finite ranks below all others: its accuracies count as 0 and its losses as infinite,
    since NaN outputs give no classes. Steps and seconds to a target that was never reached are infinite; without a
    target they are None.
    """
    raw = run["figures"].get(figure)
    if figure in TO_TARGET:
        missing = None if run["settings"].get("target") is None else math.inf
        return float(raw) if _is_number(raw) else missing
    if figure in COSTS:
        return float(raw)
    if not is_finite(run) or (raw is not None and not _is_number(raw)):
        return 0.0 if figure in ACCURACIES else math.inf
    return None if raw is None else float(raw)


def read_values(runs: Iterable[Run], figure: str) -> list[float]:
    """Return the values of a figure, without the runs that lack it."""
    values = [read_value(run, figure) for run in runs]
    return [value for value in values if value is not None]


def group(runs: Iterable[Run], purpose: str = "final") -> dict[Task, dict[str, dict[int, Run]]]:
    """Return the runs of one purpose by task (data and model), then by optimizer, then by seed."""
    groups: dict[Task, dict[str, dict[int, Run]]] = {}
    for run in runs:
        if run["purpose"] == purpose:
            optimizers = groups.setdefault((run["data"], run["model"]), {})
            optimizers.setdefault(run["optimizer"], {})[run["seed"]] = run
    return groups


def group_by_rate(optimizers: Mapping[str, Mapping[int, Run]]) -> dict[str, dict[float, list[Run]]]:
    """Return runs by the optimizer without its rate, then by ascending rate."""
    families: dict[str, dict[float, list[Run]]] = {}
    for text, seeds in optimizers.items():
        sweep = families.setdefault(remove_options(text, ["lr"]), {})
        sweep.setdefault(float(optimizer_text.option(text, "lr")), []).extend(seeds.values())
    return {family: dict(sorted(sweep.items())) for family, sweep in families.items()}


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)
