"""Event files for TensorBoard."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cutedl_xp.listeners.tensorboard import import_writer, write_scalars
from cutedl_xp.studies.run import RunSpec
from cutedl_xp.studies.settings import Settings


def check_installed() -> None:
    """Raise before the runs if tensorboard is missing, instead of after them.

    Raises
    ------
    ImportError
        If tensorboard is not installed.
    """
    import_writer("--tensorboard")


def write_events(runs: Sequence[Mapping[str, Any]], folder: Path) -> Path:
    """Write the histories of runs as TensorBoard's event files, and return their folder.

    Parameters
    ----------
    runs
        Finished runs as plain values.
    folder
        Folder of the study. Each run has a folder in its subfolder ``tensorboard``, which is replaced.

    Raises
    ------
    ImportError
        If tensorboard is not installed.
    """
    make_writer = import_writer("--tensorboard")
    top = folder / "tensorboard"
    for run in runs:
        own = top / _name(run)
        shutil.rmtree(own, ignore_errors=True)  # a second event file would repeat the curves of the first
        writer = make_writer(str(own))
        history = run["history"]
        series = {"loss": history["loss"], "val_loss": history["val_loss"]}
        series |= {f"val_{name}": values for name, values in history["metrics"].items()}
        write_scalars(writer, history["steps"], series)
        writer.close()
    return top


def _name(run: Mapping[str, Any]) -> str:
    """Return the name of a run, as in the folder of its study."""
    values = {each.name: run[each.name] for each in fields(RunSpec) if each.name not in ("settings", "data_sha256")}
    return RunSpec(**values, settings=Settings.from_dict(run["settings"])).name
