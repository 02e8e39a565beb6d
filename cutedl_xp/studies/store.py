"""Folder of a study: its plan and one file for each finished run."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from cutedl_xp import _checks
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.files.folders import missing_folders, remove_empty
from cutedl_xp.studies.plan import Plan
from cutedl_xp.studies.run import FORMAT, RunSpec
from cutedl_xp.studies.settings import Settings
from cutedl_xp.training.history import History

PLAN, RUNS, CHECKPOINTS = "study.json", "runs", "checkpoints"
_IDENTITY = ("data", "model", "optimizer", "seed", "purpose")
_KEYS = (*_IDENTITY, "settings", "figures", "history", "stopped_by", "stop_reason", "data_sha256", "classes")
Key: TypeAlias = tuple[Any, ...]
_NUMBERS = ("loss", "val_loss", "best_val_loss", "val_accuracy", "best_val_accuracy")  # null means NaN


class Store:
    """Files of a study: ``study.json``, a JSON file in ``runs/`` for each finished run, and checkpoints of other runs.

    Parameters
    ----------
    folder
        Folder of the study, which :meth:`write_plan` creates.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: list[Path] = []  # folders that this object has created, the innermost first
        self._written: Any = None

    @property
    def exists(self) -> bool:
        """Whether the folder holds a study."""
        return (self.folder / PLAN).exists()

    def read_plan(self) -> tuple[Plan, dict[str, str]]:
        """Return the plan, and the digest of each data set.

        Raises
        ------
        OSError, ValueError
            If the file of the plan is missing or damaged.
        """
        path = self.folder / PLAN
        if not path.is_file():
            raise FileNotFoundError(f"{self.folder} is not the folder of a study, since it has no {PLAN}")
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            if plain["format"] != FORMAT:
                raise ValueError(f"its format is {plain['format']}, not {FORMAT}")
            return Plan.from_dict(plain["plan"]), dict(plain["data_sha256"])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged ({_checks.format_reason(error)}); restore it") from error

    def write_plan(self, plan: Plan, digests: Mapping[str, str]) -> None:
        """Create the folder, and write the plan into it."""
        if not self.exists:
            self._made = [*missing_folders(self.folder / RUNS), *missing_folders(self.folder / CHECKPOINTS)[:1]]
            self._made.sort(key=lambda each: -len(each.parts))
        try:
            (self.folder / RUNS).mkdir(parents=True, exist_ok=True)
            (self.folder / CHECKPOINTS).mkdir(exist_ok=True)
        except OSError as error:
            raise OSError(f"--out {self.folder} cannot be written: {error.strerror}; name another folder") from error
        plain = {"format": FORMAT, "plan": plan.to_dict(), "data_sha256": dict(digests)}
        _write_json(self.folder / PLAN, plain)
        self._written = self._find_version()

    def discard_if_unused(self) -> None:
        """Remove the plan and the folders that :meth:`write_plan` has created, unless runs or checkpoints exist."""
        subfolders = self.folder / RUNS, self.folder / CHECKPOINTS
        if self._written is None or self._find_version() != self._written:
            return  # another program has replaced the plan
        if self._made and not any(any(each.iterdir()) for each in subfolders if each.is_dir()):
            (self.folder / PLAN).unlink(missing_ok=True)
            remove_empty(self._made)

    def _find_version(self) -> Any:
        """Return values that differ if another program has replaced the file of the plan."""
        try:
            found = (self.folder / PLAN).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def add(self, spec: RunSpec, run: Mapping[str, Any]) -> dict[str, Any]:
        """Write a finished run, remove its checkpoint, and return the run as read from its file."""
        write_run(self.run_path(spec), run)
        with suppress(OSError):
            self.checkpoint_path(spec).unlink(missing_ok=True)
        return read_run(self.run_path(spec))

    def remove_checkpoints(self) -> None:
        """Remove files of killed processes when all runs are finished."""
        for path in (self.folder / CHECKPOINTS).glob("*"):
            with suppress(OSError):
                path.unlink()

    def run_path(self, spec: RunSpec) -> Path:
        """Return the file of a run."""
        return self.folder / RUNS / f"{spec.name}.json"

    def checkpoint_path(self, spec: RunSpec) -> Path:
        """Return the file of a run's latest checkpoint."""
        return self.folder / CHECKPOINTS / f"{spec.name}.ckpt"

    def read_runs(self, settings: Settings, digests: Mapping[str, str]) -> dict[Key, dict[str, Any]]:
        """Return all finished runs by their keys, in the order of their files.

        Raises
        ------
        ValueError
            If a file is damaged, or belongs to a study with other settings or data.
        """
        runs: dict[Key, dict[str, Any]] = {}
        for path in sorted((self.folder / RUNS).glob("*.json")):
            run = read_run(path)
            same_data = run["data_sha256"] == digests.get(run["data"], run["data_sha256"])
            if run["settings"] != settings.to_dict() or not same_data:
                raise ValueError(f"{path} belongs to a study with other settings or data; remove it")
            if key_of(run) in runs:
                raise ValueError(f"{path} holds a run that another file in this folder holds as well; remove one")
            runs[key_of(run)] = run
        return runs


def find_free_folder(folder: Path) -> Path:
    """Return the folder, or if it holds a study the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    if not Store(folder).exists:
        return folder
    names = (folder.with_name(f"{folder.name}-{number}") for number in range(2, 10_000))
    return next(each for each in names if not each.exists())


def key_of(run: Mapping[str, Any]) -> Key:
    """Return the values that identify a run within its study."""
    return tuple(run[name] for name in _IDENTITY)


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
        _check_lengths(History.from_dict(run["history"]))
        run["settings"] = Settings.from_dict(run["settings"]).to_dict()
        hash(key_of(run))  # a list or a dict raises TypeError
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        reason = _checks.format_reason(error)
        raise ValueError(f"{path} is damaged ({reason}); remove it to make its run again") from error
    checked: dict[str, Any] = run
    return checked


def write_run(path: Path, run: Mapping[str, Any]) -> None:
    """Write a run into its file, for :func:`read_run`."""
    _write_json(path, run)


def _check_lengths(history: History) -> None:
    lists = (history.steps, history.cost_time, history.loss, history.val_loss, history.val_accuracy)
    if len({len(entries) for entries in lists}) > 1:
        raise ValueError("the lists of its history have different lengths")


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
    """Return a value with None for every number that is not finite, as JSON has no such numbers."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return value
