"""Performance profile of optimizers over several data sets and models."""

from collections.abc import Iterable, Mapping

from cutedl_xp import _checks
from cutedl_xp.studies import optimizer_text, statistics
from cutedl_xp.studies.families import remove_options
from cutedl_xp.studies.search_spaces import searched_options
from cutedl_xp.studies.summary._values import TO_TARGET, Row, Run, Task, group, read_values


def profile(runs: Iterable[Run], figure: str = "steps_to_target") -> list[Row]:
    """Return the points of a performance profile: the share of tasks that an optimizer solves within a factor.

    Parameters
    ----------
    runs
        Runs of a study; trials of a tuning are ignored.
    figure
        Cost of a task: ``"steps_to_target"``, the default, or ``"seconds_to_target"``. The cost of a task, a data set
        with a model, is the median over the seeds; more than half of the runs have to reach the target.

    Returns
    -------
    list of dict
        For each optimizer and each factor: the share of tasks that the optimizer solves within ``factor`` times the
        lowest cost, and the number of tasks. Only tasks with runs of every optimizer count. Optimizers whose texts
        differ from task to task only in the options that a tuning searches count as one optimizer and are named
        without these options. The list is empty without a target or without common tasks.

    Raises
    ------
    TypeError, ValueError
        If ``figure`` is no cost to the target.
    """
    _checks.check_one_of("figure", figure, TO_TARGET)
    costs = _find_costs(group(runs), figure)
    solvers = list(dict.fromkeys(solver for each in costs.values() for solver in each))
    common = [each for each in costs.values() if len(each) == len(solvers)]
    if not solvers or not common:
        return []
    factors, shares = statistics.performance_profile({name: [each[name] for each in common] for name in solvers})
    return [
        {"optimizer": name, "factor": factor, "share_solved": share, "tasks": len(common)}
        for name in solvers
        for factor, share in zip(factors, shares[name], strict=True)
    ]


def _find_costs(tasks: Mapping[Task, Mapping[str, Mapping[int, Run]]], figure: str) -> dict[Task, dict[str, float]]:
    """Return the median cost of each task for each optimizer."""
    names = _name_solvers([list(optimizers) for optimizers in tasks.values()])
    costs: dict[Task, dict[str, float]] = {}
    for task, optimizers in tasks.items():
        costs[task] = {}
        for text, seeds in optimizers.items():
            values = read_values(seeds.values(), figure)
            if values:
                costs[task][names[text]] = statistics.quartiles(values)[1]
    return costs


def _name_solvers(tasks: list[list[str]]) -> dict[str, str]:
    """Return a name for each text: the text, or without the searched options if these differ from task to task."""
    texts = {text for task in tasks for text in task}
    same = all(set(task) == texts for task in tasks)
    names = {text: remove_options(text, searched_options(optimizer_text.rule_name(text))) for text in texts}
    if not same and all(len({names[text] for text in task}) == len(task) for task in tasks):
        return names
    return {text: text for text in texts}
