"""Tuning of optimizers with the same number of quasi-random trials for each, judged on validation samples."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cutedl_xp import _checks
from cutedl_xp.studies import optimizer_text, statistics
from cutedl_xp.studies.families import remove_options
from cutedl_xp.studies.search_spaces import Range, describe_space, find_space, searched_options
from cutedl_xp.studies.summary._values import Run, group, read_value

__all__ = ["best", "describe_space", "summarise_trials", "trials"]


def trials(optimizer: str, number: int, seed: int = 0) -> list[str]:
    """Return the optimizers to try: Sobol points over the learning rate and the decay rates of the rule.

    Parameters
    ----------
    optimizer
        Text of the optimizer to tune. The searched options of its rule are replaced; the other options are kept.
    number
        Number of trials, at least 1. A larger number with the same seed begins with the same trials.
    seed
        Seed of the scrambling, default 0, at least 0.

    Returns
    -------
    list of str
        Text of each trial.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> trials("momentum(nesterov=True)", 2)
    ['momentum(lr=0.0436, momentum=0.6, nesterov=True)', 'momentum(lr=0.772, momentum=0.99805, nesterov=True)']
    """
    number = _checks.check_integer("number", number, at_least=1)
    space = find_space(optimizer_text.rule_name(optimizer))
    try:
        from scipy.stats import qmc
    except ImportError as error:
        raise _checks.missing_extra_error("tuning", "scipy", "cli") from error
    sobol = qmc.Sobol(len(space), rng=_checks.check_integer("seed", seed, at_least=0))
    points = sobol.random_base2(math.ceil(math.log2(number)))[:number]  # SciPy warns of other numbers of points
    return [optimizer_text.with_options(optimizer, **_place(space, point)) for point in points.tolist()]


def _place(space: Mapping[str, Range], point: Sequence[float]) -> dict[str, float]:
    """Return the options at a point of the unit cube."""
    return {name: each.place(share) for (name, each), share in zip(space.items(), point, strict=True)}


def best(runs: Iterable[Run]) -> list[str]:
    """Return the best trial of each optimizer.

    Parameters
    ----------
    runs
        Trials on one data set and model, over the same seeds; other runs are ignored.

    Returns
    -------
    list of str
        Text of one trial for each tuned optimizer, in the order of their first trials. The best trial has the greatest
        median of the last validation accuracy over the seeds, and with equal medians the smallest median of the last
        validation loss. A run that is missing or was not finite counts as the worst possible run.

    Raises
    ------
    ValueError
        If the trials belong to several data sets or models.
    """
    return [max(trials, key=lambda trial: trial.score).text for trials in _judge(runs).values()]


def summarise_trials(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Return a row of plain values for each tuned optimizer, in the order of their first trials.

    Parameters
    ----------
    runs
        Trials on one data set and model, over the same seeds; other runs are ignored.

    Returns
    -------
    list of dict
        ``"optimizer"`` without the searched options, number of ``"trials"``, text of the ``"best"`` trial, its last
        ``"val_accuracy"`` (median over the seeds), and the ``"median_val_accuracy"`` of all trials.

    Raises
    ------
    ValueError
        If the trials belong to several data sets or models.
    """
    rows = []
    for family, trials in _judge(runs).items():
        winner = max(trials, key=lambda trial: trial.score)
        middle = statistics.quartiles([trial.score[0] for trial in trials])[1]
        row = {"optimizer": family, "trials": len(trials), "best": winner.text, "val_accuracy": winner.score[0]}
        rows.append(row | {"median_val_accuracy": middle})
    return rows


class _Trial(NamedTuple):
    """Trial with its score: the medians of the validation accuracy and of the negative loss."""

    text: str
    score: tuple[float, float]


def _judge(runs: Iterable[Run]) -> dict[str, list[_Trial]]:
    """Return the trials of each optimizer by its text without the searched options."""
    tasks = group(runs, "trial")
    if len(tasks) > 1:
        names = _checks.format_names(", ".join(task) for task in tasks)
        raise ValueError(f"`runs` must be trials on one data set and model; got {names}: choose for each one apart")
    judged: dict[str, list[_Trial]] = {}
    for optimizers in tasks.values():
        seeds = {seed for tried in optimizers.values() for seed in tried}
        for text, tried in optimizers.items():
            found = [tried.get(seed) for seed in seeds]
            family = remove_options(text, searched_options(optimizer_text.rule_name(text)))
            score = (_median(found, "val_accuracy"), -_median(found, "val_loss"))
            judged.setdefault(family, []).append(_Trial(text, score))
    return judged


def _median(runs: list[Run | None], figure: str) -> float:
    """Return the median of a figure, where a missing run counts like a run that was not finite."""
    values = [None if run is None else read_value(run, figure) for run in runs]
    worst = math.inf if figure == "val_loss" else 0.0
    return statistics.quartiles([worst if value is None else value for value in values])[1]
