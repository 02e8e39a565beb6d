"""Pictures of a study, made from its runs as plain dicts."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cutedl_xp import plotting
from cutedl_xp.studies import optimizer_text, summary
from cutedl_xp.studies.summary._values import Run, Task, group, group_by_rate, is_finite, read_value
from cutedl_xp.training.history import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Styles: TypeAlias = Mapping[str, Mapping[str, Any]]
Named: TypeAlias = Iterator[tuple[str, "Figure"]]
_SEEDS: dict[str, Literal["val_loss", "val_accuracy"]] = {"seeds-loss": "val_loss", "seeds-error": "val_accuracy"}


def draw_compare(runs: Iterable[Run], folder: Path) -> list[Path]:
    """Write the pictures of a comparison as PNG files, and return their paths.

    Parameters
    ----------
    runs
        Runs of a study; trials of a tuning are ignored.
    folder
        Folder to write into. The pictures of each data set and model are ``curves.png``, ``seeds-loss.png``,
        ``seeds-error.png``, ``test-accuracy.png``, and ``target.png`` if the study has a target. With several data
        sets or models their names begin with both, and ``profile.png`` is the performance profile. An optimizer has the
        same colour in all pictures, and so have the optimizers of one rule that were tuned for several data sets.

    Returns
    -------
    list of pathlib.Path
        Paths of the pictures.

    Raises
    ------
    ImportError
        If matplotlib or SciPy is not installed.
    OSError
        If a picture cannot be written.
    """
    runs = list(runs)
    tasks = group(runs)
    points = _read_profile(runs) if len(tasks) > 1 else {}
    styles = _assign_styles([*tasks.values(), points])
    means = {
        (row["data"], row["model"], row["optimizer"]): tuple(
            row[name] for name in ("mean_test_accuracy", "test_accuracy_low", "test_accuracy_high")
        )
        for row in summary.summarise(runs)
    }
    paths = []
    for task, prefix in _name_tasks(tasks).items():
        groups = {label: list(seeds.values()) for label, seeds in tasks[task].items()}
        for name, figure in _draw_task(
            ", ".join(task), groups, {label: means[*task, label] for label in groups}, styles
        ):
            paths.append(_save(figure, folder, prefix + name))
    if points:
        title = f"Performance profile over {len(tasks)} data sets and models"
        paths.append(_save(plotting.profile(points, title, styles=styles), folder, "profile"))
    return paths


def draw_sweep(runs: Iterable[Run], folder: Path) -> list[Path]:
    """Write the pictures of a sweep over learning rates as PNG files, and return their paths.

    Parameters
    ----------
    runs
        Runs of a study; trials of a tuning are ignored.
    folder
        Folder to write into. The pictures of each data set and model are ``rates.png``, and ``target-map.png`` if the
        study has a target. With several data sets or models their names begin with both. An optimizer has the same
        colour in all pictures.

    Returns
    -------
    list of pathlib.Path
        Paths of the pictures.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    OSError
        If a picture cannot be written.
    """
    runs = list(runs)
    sweeps = {task: group_by_rate(optimizers) for task, optimizers in group(runs).items()}
    styles = _assign_styles(sweeps.values())
    usable = {
        (row["data"], row["model"], row["optimizer"]): (row["lowest_usable_lr"], row["highest_usable_lr"])
        for row in summary.usable_rates(runs)
        if row["lowest_usable_lr"] is not None
    }
    paths = []
    for task, prefix in _name_tasks(sweeps).items():
        title = ", ".join(task)
        ends = {
            label: {rate: [_read_end(run, "val_accuracy") for run in seeds] for rate, seeds in sweep.items()}
            for label, sweep in sweeps[task].items()
        }
        ranges = {label: usable.get((*task, label)) for label in ends}
        paths.append(_save(plotting.rates(ends, ranges, title, styles=styles), folder, f"{prefix}rates"))
        target = _find_target(run for sweep in sweeps[task].values() for seeds in sweep.values() for run in seeds)
        if target is not None:
            figure = plotting.target_map(ends, ranges, title, target=target)
            paths.append(_save(figure, folder, f"{prefix}target-map"))
    return paths


def _draw_task(title: str, groups: Mapping[str, Sequence[Run]], means: Mapping[str, Any], styles: Styles) -> Named:
    """Yield the pictures of one data set and model, with their names."""
    histories = {label: [_read_history(run) for run in runs] for label, runs in groups.items()}
    inactive = [
        history
        for label, runs in groups.items()
        for run, history in zip(runs, histories[label], strict=True)
        if run["figures"].get("inactive_outputs")
    ]
    yield "curves", plotting.curves(histories, title, styles=styles, inactive=inactive)
    for name, series in _SEEDS.items():
        yield name, plotting.seeds(histories, title, series=series, styles=styles, inactive=inactive)
    ends = {label: [_read_end(run, "test_accuracy") for run in runs] for label, runs in groups.items()}
    best_first = sorted(ends, key=lambda label: -math.inf if (mean := means[label][0]) is None else mean, reverse=True)
    ends = {label: ends[label] for label in best_first}
    yield "test-accuracy", plotting.accuracies(ends, means, title, styles=styles)
    target = _find_target(run for runs in groups.values() for run in runs)
    if target is not None:
        yield "target", plotting.targets(ends, title, target=target, styles=styles)


def _read_history(run: Run) -> History:
    """Return the history of a run, where None may replace numbers that are not finite."""
    record = dict(run["history"])
    for name, values in record.items():
        if isinstance(values, Mapping):
            record[name] = {key: _restore(each) for key, each in values.items()}
        elif isinstance(values, list):
            record[name] = _restore(values)
    return History.from_dict(record)


def _restore(values: Iterable[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in values]


def _read_end(run: Run, figure: str) -> plotting.RunEnd:
    """Return the end of a run for a picture of its final accuracy or of its steps to the target."""
    steps, seconds = read_value(run, "steps_to_target"), read_value(run, "seconds_to_target")
    return plotting.RunEnd(
        accuracy=read_value(run, figure),
        steps_to_target=math.inf if steps is None else steps,
        seconds_to_target=math.inf if seconds is None else seconds,
        finite=is_finite(run),
        inactive=bool(run["figures"].get("inactive_outputs")),
    )


def _find_target(runs: Iterable[Run]) -> float | None:
    """Return the target of a study, which all its runs share."""
    target: float | None = next((run["settings"].get("target") for run in runs), None)
    return target


def _read_profile(runs: Sequence[Run]) -> dict[str, tuple[list[float], list[float]]]:
    """Return the factors and the shares of the performance profile of each optimizer."""
    points: dict[str, tuple[list[float], list[float]]] = {}
    for row in summary.profile(runs):
        factors, shares = points.setdefault(row["optimizer"], ([], []))
        factors.append(row["factor"])
        shares.append(row["share_solved"])
    return points


def _assign_styles(pictures: Iterable[Iterable[str]]) -> Styles:
    """Return a style for each label: one for each rule if no picture has a rule twice, else one for each label."""
    labels = [list(picture) for picture in pictures]
    rules = {label: optimizer_text.rule_name(label) for each in labels for label in each}
    if any(len({rules[label] for label in each}) < len(each) for each in labels):
        return plotting.styles(rules)
    styles = plotting.styles(rules.values())
    return {label: styles[rule] for label, rule in rules.items()}


def _name_tasks(tasks: Iterable[Task]) -> dict[Task, str]:
    """Return the prefix of the names of each task's pictures, empty for a single task."""
    tasks = list(tasks)
    if len(tasks) == 1:
        return {tasks[0]: ""}
    names: dict[Task, str] = {}
    for task in tasks:
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(task)).strip("-.")
        number = 1 + sum(re.fullmatch(rf"{re.escape(plain)}(-\d+)?-", used) is not None for used in names.values())
        names[task] = f"{plain}-" if number == 1 else f"{plain}-{number}-"
    return names


def _save(figure: "Figure", folder: Path, name: str) -> Path:
    path = folder / f"{name}.png"
    plotting.save(figure, path)
    return path
