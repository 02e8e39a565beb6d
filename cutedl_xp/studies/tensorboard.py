"""Event files for TensorBoard."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cutedl_xp._checks import missing_extra_error


def write_events(runs: Sequence[Mapping[str, Any]], folder: Path) -> Path:
    """Write the histories of runs as TensorBoard's event files, and return their folder.

    Parameters
    ----------
    runs
        Finished runs as plain values.
    folder
        Folder of the study; the files are in ``tensorboard/`` in it, a folder for each run.

    Raises
    ------
    ImportError
        If tensorboard is not installed.
    """
    try:
        from tensorboard.summary import Writer
    except ImportError as error:
        raise missing_extra_error("--tensorboard", "tensorboard", "tensorboard") from error
    top = folder / "tensorboard"
    for run in runs:
        own = top / f"{run['data']}-{run['model']}".replace("/", "_") / run["optimizer"] / f"seed{run['seed']}"
        if own.exists():  # event files are appended to; a finished run does not change
            continue
        writer = Writer(str(own))
        history = run["history"]
        series = {"loss": history["loss"], "val_loss": history["val_loss"]}
        series |= {f"val_{name}": values for name, values in history["metrics"].items()}
        for name, values in series.items():
            for step, value in zip(history["steps"], values, strict=True):
                writer.add_scalar(name, value, step=step)
        writer.close()
    return top
