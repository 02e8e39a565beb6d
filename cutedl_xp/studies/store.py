"""The folder of a study: its plan and one file for each finished run."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutedl_xp import _checks
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.studies.plan import Plan
from cutedl_xp.studies.run import FORMAT, RunSpec
from cutedl_xp.training.history import History

PLAN, RUNS, CHECKPOINTS = "study.json", "runs", "checkpoints"
_KEYS = ("data", "model", "optimizer", "seed", "purpose", "settings", "figures", "history", "stopped_by")
_NUMBERS = ("loss", "val_loss", "best_val_loss", "val_accuracy", "best_val_accuracy")  # null stands for NaN


class Store:
    """Files of a study: ``study.json``, a JSON file for each finished run in ``runs/``, and checkpoints of the others.

    Parameters
    ----------
    folder
        Folder of the study; :meth:`begin` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Whether the folder holds a study."""
        return (self.folder / PLAN).exists()

    def read_plan(self) -> tuple[Plan, dict[str, str]]:
        """Return the plan, and the digest of each data set.

        Raises
        ------
        OSError, ValueError
            If there is none, or it is damaged.
        """
        path = self.folder / PLAN
        if not path.is_file():
            raise FileNotFoundError(f"{self.folder} is not the folder of a study, since it has no {PLAN}")
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            return Plan.from_dict(plain["plan"]), dict(plain["data_sha256"])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged ({_checks.format_reason(error)}); restore it") from error

    def write_plan(self, plan: Plan, digests: Mapping[str, str]) -> None:
        """Make the folder, and write the plan into it."""
        try:
            (self.folder / RUNS).mkdir(parents=True, exist_ok=True)
            (self.folder / CHECKPOINTS).mkdir(exist_ok=True)
        except OSError as error:
            raise OSError(f"--out {self.folder} cannot be written: {error.strerror}; name another folder") from error
        plain = {"format": FORMAT, "plan": plan.to_dict(), "data_sha256": dict(digests)}
        _write_json(self.folder / PLAN, plain)

    def add(self, spec: RunSpec, run: Mapping[str, Any]) -> None:
        """Keep a finished run, and remove its checkpoint."""
        write_run(self.run_path(spec), run)
        with suppress(OSError):
            self.checkpoint_path(spec).unlink(missing_ok=True)

    def run_path(self, spec: RunSpec) -> Path:
        """Return the file of a run."""
        return self.folder / RUNS / f"{spec.name}.json"

    def checkpoint_path(self, spec: RunSpec) -> Path:
        """Return the file of a run's latest checkpoint."""
        return self.folder / CHECKPOINTS / f"{spec.name}.ckpt"

    def read_runs(self) -> list[dict[str, Any]]:
        """Return all finished runs, in the order of their files.

        Raises
        ------
        ValueError
            If a file is damaged.
        """
        return [read_run(path) for path in sorted((self.folder / RUNS).glob("*.json"))]


def read_run(path: Path) -> dict[str, Any]:
    """Return the run of a file, with NaN for every number that was not finite.

    Raises
    ------
    ValueError
        If the file is damaged, or of a later version.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        absent = [key for key in _KEYS if key not in run]
        if absent or run["format"] != FORMAT:
            raise ValueError(f"it lacks {_checks.format_names(absent)}, or has another format than {FORMAT}")
        _restore_numbers(run)
        History.from_dict(run["history"])
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        reason = _checks.format_reason(error)
        raise ValueError(f"{path} is damaged ({reason}); remove it to make its run again") from error
    checked: dict[str, Any] = run
    return checked


def write_run(path: Path, run: Mapping[str, Any]) -> None:
    """Write a run into a file of its own, which :func:`read_run` reads."""
    _write_json(path, run)


def _restore_numbers(run: dict[str, Any]) -> None:
    history, figures = run["history"], run["figures"]
    for name in ("loss", "val_loss", "lr"):
        history[name] = _with_nan(history[name])
    history["metrics"] = {name: _with_nan(values) for name, values in history["metrics"].items()}
    numbers = _NUMBERS if run["purpose"] == "trial" else (*_NUMBERS, "test_loss", "test_accuracy")
    for name in numbers:
        figures[name] = math.nan if figures[name] is None else figures[name]


def _with_nan(values: Any) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _write_json(path: Path, plain: Mapping[str, Any]) -> None:
    text = json.dumps(_without_nan(plain), indent=1, allow_nan=False, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())


def _without_nan(value: Any) -> Any:
    """Return a value with None for every number that is not finite, as JSON has no word for these."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return value
