"""Execution of a study: its plan, runs, tables and pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from cutedl_xp.commands import _output, _signals, resolution, tables
from cutedl_xp.commands._environment import share_gpu_memory
from cutedl_xp.commands._progress import StudyProgress
from cutedl_xp.studies import config, tensorboard
from cutedl_xp.studies.study import Study

_CHECKPOINT_EVERY = 10  # epochs


def run(kind: str, given: Mapping[str, Any]) -> int:
    """Execute the missing runs of a study, and show all of its results.

    Parameters
    ----------
    kind
        ``"compare"`` or ``"sweep"``.
    given
        Options given on the command line.

    Returns
    -------
    int
        Exit code: 0 if all runs are finished, 1 if a run failed, 130 after an interrupt.
    """
    share_gpu_memory()
    execution = _check_execution(given)
    plan = resolution.resolve(kind, given)
    study = Study(resolution.choose_folder(kind, given), plan, new="new" in given)
    if "tensorboard" in given:
        tensorboard.check_installed()
    if "save_config" in given:
        config.write_config(given["save_config"], study.plan.to_dict())
    with study.discarded_if_unused():
        study.prepare(execution["scheduler"])
        resolution.warn_about_data(study.plan)
        if study.plan.tune:
            _describe_tuning(study)
        before, missing = len(study.runs), _count_missing(study)
        _output.note(f"{study.folder}: {_count(missing, 'run')} to make, {before} finished before")
    failed: Sequence[Any] = ()
    interrupted = False
    try:
        with StudyProgress(missing) as ended:
            failed = study.run(**execution, ended=ended)
    except KeyboardInterrupt:
        interrupted = True
    _write(study, with_events="tensorboard" in given)
    if interrupted:
        _output.note(f"interrupted; the same command makes the other runs of {study.folder}")
        return _signals.INTERRUPTED
    if failed:
        _output.note(f"{_count(len(failed), 'run')} failed; the same command makes them again")
    return 1 if failed else 0


def _check_execution(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``Study.run`` from the options."""
    jobs, every = given.get("jobs"), given.get("checkpoint_every", _CHECKPOINT_EVERY)
    if jobs is not None and jobs < 1:
        raise ValueError(f"--jobs must be 1 or greater; got {jobs}")
    for name in ("jobs", "checkpoint_every"):
        if name in given and "scheduler" in given:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} is for this machine, and --scheduler for a cluster; leave one of them out")
    if every < 0:
        raise ValueError(f"--checkpoint-every must be 0 or greater; got {every}")
    return {"jobs": jobs, "scheduler": given.get("scheduler"), "checkpoint_every": every}


def _describe_tuning(study: Study) -> None:
    """Print the search space of each optimizer."""
    from cutedl_xp.studies import tuning

    _output.say(f"{study.plan.tune} trials of each optimizer, seeds {', '.join(map(str, study.plan.tuning_seeds))}")
    for text in study.plan.optimizers:
        _output.say(f"  {tuning.describe_space(text.partition('(')[0])}")


def _count_missing(study: Study) -> int:
    """Return the number of missing runs, including the runs after a tuning."""
    plan, missing = study.plan, study.missing
    if not missing or missing[0].purpose == "final":
        return len(missing)
    tasks = {(spec.data, spec.model) for spec in missing} | {(run["data"], run["model"]) for run in study.runs}
    finished: int = sum(run["purpose"] == "final" for run in study.runs)
    return len(missing) + len(tasks) * len(plan.seeds) * len(plan.optimizers) - finished


def _write(study: Study, *, with_events: bool) -> None:
    """Write the files of the results, and print the tables."""
    runs = study.runs
    if not runs:
        return
    files = study.write()
    if with_events:
        files = [*files, tensorboard.write_events(runs, study.folder)]
    tables.show(study.plan.kind, runs)
    _output.say(f"written to {study.folder}: {', '.join(str(file.relative_to(study.folder)) for file in files)}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
