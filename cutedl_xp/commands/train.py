"""``cutedl-xp train``: one run in this process, with its model."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from cutedl_xp.backends import get_backend
from cutedl_xp.commands import _output, _signals, options, resolution, tables
from cutedl_xp.commands._environment import share_gpu_memory
from cutedl_xp.commands._progress import TrainingProgress
from cutedl_xp.files.arrays import import_safetensors
from cutedl_xp.files.folders import removed_if_empty
from cutedl_xp.plotting import figures
from cutedl_xp.studies import config, data
from cutedl_xp.studies import run as runs
from cutedl_xp.studies.executors import limit_threads
from cutedl_xp.studies.plan import Plan
from cutedl_xp.studies.store import write_run
from cutedl_xp.studies.tensorboard import check_installed, write_events
from cutedl_xp.training.session import Session

OPTIONS = (
    options.CONFIG,
    options.RUNS,
    options.SEED,
    options.TRAINING,
    options.STOP,
    options.MACHINE,
    options.RESULTS,
)
EXAMPLES = """examples:
  cutedl-xp train
    MNIST, one dense layer, Adam

  cutedl-xp train --data digits --model 64-24-10
    --optimizer "adam(lr=1e-3)" --epochs 30

  cutedl-xp train --data flowers.csv --target-column species
    --model 4-16-3 --out flowers

After Ctrl-C the same command continues from the checkpoint in DIR. The results in DIR are model.safetensors, report.png, history.csv and run.json."""  # noqa: E501
_RESULT, _CHECKPOINTS = "run.json", "checkpoints"
_ONE = ("data", "models", "optimizers", "seeds")


def run(given: dict[str, Any]) -> int:
    """Train one model and save it, with the options ``given`` on the command line."""
    share_gpu_memory()
    plan, spec, every = _resolve(given)
    folder = _choose_folder(given)
    checkpoint = folder / _CHECKPOINTS / f"{spec.name}.ckpt"
    try:
        with removed_if_empty(checkpoint.parent):
            session = _train(plan, spec, checkpoint, every)
    except KeyboardInterrupt:
        if checkpoint.exists():
            _output.note(f"interrupted; the same command continues from the checkpoint in {folder}")
        return _signals.INTERRUPTED
    result = runs.finish(spec, session)
    _write(spec, session, result, folder, "tensorboard" in given)
    checkpoint.unlink(missing_ok=True)
    with suppress(OSError):  # the folder may hold the checkpoint of a run with other options
        checkpoint.parent.rmdir()
    return 0


def _train(plan: Plan, spec: runs.RunSpec, checkpoint: Path, every: int) -> Session:
    """Create the folder of the checkpoint, and return the trained session."""
    folder = checkpoint.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"--out {folder.parent} cannot be written: {error.strerror}; name another folder") from error
    resolution.warn_about_data(plan)
    _output.note(f"{spec.data}, {spec.model}, {spec}")
    with TrainingProgress(spec.settings.epochs) as progress, limit_threads():
        return runs.train(spec, [progress], checkpoint, every)


def _resolve(given: Mapping[str, Any]) -> tuple[Plan, runs.RunSpec, int]:
    """Return the plan, its single run, and the epochs between two checkpoints, after all checks."""
    every = given.get("checkpoint_every", 10)
    if every < 0:
        raise ValueError(f"--checkpoint-every must be 0 or greater; got {every}")
    plan = resolution.resolve("train", given)
    for name in _ONE:
        values = getattr(plan, name)
        if len(values) > 1:
            raise ValueError(f"`train` makes one run, and got {name} {list(values)}; `compare` takes several")
    if plan.tune:
        raise ValueError("`train` does not tune; run `compare` with --tune")
    spec = plan.runs(plan.tasks)[0]
    data.check_fits(runs.load_data(spec), spec.model)
    get_backend(spec.settings.backend, device=spec.settings.device)
    import_safetensors()
    figures.import_matplotlib("figure")
    if "tensorboard" in given:
        check_installed()
    if "save_config" in given:
        config.write_config(given["save_config"], plan.to_dict())
    return plan, spec, every


def _choose_folder(given: Mapping[str, Any]) -> Path:
    """Return a folder without results."""
    folder = resolution.choose_folder("train", given)
    if not (folder / _RESULT).exists():
        return folder
    if "new" not in given:
        raise FileExistsError(
            f"{folder} already holds results ({_RESULT}); name another folder with --out, or add --new"
        )
    others = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(other for other in others if not (other / _RESULT).exists())


def _write(spec: runs.RunSpec, session: Session, result: dict[str, Any], folder: Path, tensorboard: bool) -> None:
    """Write the files of the results, and print the figures."""
    from cutedl_xp import plotting

    history = runs.read_history(result)
    session.model.save(folder / "model.safetensors")
    history.to_csv(folder / "history.csv")
    plotting.save(plotting.report(history, title=f"{spec.data}, {spec.model}, {spec}"), folder / "report.png")
    files = ["model.safetensors", "history.csv", "report.png", _RESULT]
    if tensorboard:
        write_events([result], folder)
        files.append("tensorboard")
    write_run(folder / _RESULT, result)  # last, as this file shows that the others are complete
    tables.show_run(result)
    _output.say(f"written to {folder}: {', '.join(files)}")
