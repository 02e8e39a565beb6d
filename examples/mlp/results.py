"""The folder that a program's results go to: pictures, tables, and the histories for whoever wants to plot them."""

import datetime
import json
import math
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import article
import images
import screen
import stopping
import table
from runs import Failure, Plan, RunResult, describe

from cutedl_xp import History, plotting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SERIES = ("steps", "loss", "val_loss", "val_accuracy", "cost_time")
_CANNOT = "cannot be written: "  # how plotting.save begins
_HISTORIES, _CSV, _MARKDOWN = "histories.json", "results.csv", "results.md"


def new_folder(chosen: Path | None) -> Path:
    """Make the folder and write to it, so that it fails now rather than after hours; and matplotlib likewise.

    Without a choice it is a new one, ``out/`` and the time. One that holds results is refused: they would be lost.
    """
    plotting.comparison({})
    folder = chosen if chosen is not None else _named_by_time(Path("out"))
    for name in (_HISTORIES, _CSV):
        if (folder / name).exists():
            raise FileExistsError(f"--out {folder} already holds results ({name}); name another folder, or move them")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"--out {folder} is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=chosen is not None)
        probe = folder / f".{os.getpid()}.tmp"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OSError(f"--out {folder} cannot be written: {error.strerror}; name another folder") from error
    return folder


def remove_if_empty(folder: Path) -> None:
    """Leave no folder behind that nothing was written to."""
    with suppress(OSError):
        folder.rmdir()


class Book:
    """What has come of the runs so far, in the order of their plans, and on the disk as soon as each ends.

    Attributes
    ----------
    made
        The results that have at least one validation.
    files
        What was written.
    unwritten
        Whether something could not be; it is said on the screen at once.
    """

    def __init__(self, folder: Path, plans: Sequence[Plan], source: images.Source, caption: str) -> None:
        self.folder, self.caption = folder, caption
        self.made: list[RunResult] = []
        self.files: list[Path] = []
        self.unwritten = False
        self._source = source
        self._order = {(plan.optimizer, plan.seed): number for number, plan in enumerate(plans)}

    def add(self, outcome: RunResult | Failure) -> None:
        """Take down what came of a run: the numbers first, as they cannot be made again from the pictures."""
        screen.tell(outcome)
        if isinstance(outcome, Failure) or not outcome.history.steps:
            return
        self.made.append(outcome)
        self.made.sort(key=lambda result: self._order[result.optimizer, result.seed])
        described = f"{self._source.name}: {self._source.warning}" if self._source.warning else self._source.name
        with stopping.held():
            self._write(_HISTORIES, lambda path: _write_text(path, _as_json(self.made, described)))
            self._write(_CSV, lambda path: _write_text(path, table.as_csv(self.made, described)))
            self._write(_MARKDOWN, lambda path: _write_text(path, table.as_markdown(self.made, self.caption)))
            self._draw(f"{outcome.optimizer}-seed{outcome.seed}.png", lambda: self._report(outcome))

    def close(self) -> None:
        """Compare the runs once all have ended."""
        if len(self.made) > 1:
            with stopping.held():
                self._draw("comparison.png", self._comparison)
        if not self.files:
            remove_if_empty(self.folder)

    def _draw(self, name: str, figure: "Callable[[], Figure]") -> None:
        self._write(name, lambda path: plotting.save(figure(), path))

    def _write(self, name: str, write: Callable[[Path], None]) -> None:
        """One file, whole or not at all; a full disk, say, ends neither the other runs nor the table on the screen."""
        path = self.folder / name
        try:
            write(path)
        except Exception as error:  # of whatever kind: the other runs are still worth having
            self.unwritten = True
            why = error.strerror if isinstance(error, OSError) and error.strerror else describe(error)
            screen.complain(f"{path} cannot be written: {why.removeprefix(_CANNOT)}")
        else:
            if path not in self.files:
                self.files.append(path)

    def _report(self, result: RunResult) -> "Figure":
        title = f"{article.EXPERIMENTS[result.optimizer].title}, seed {result.seed}, {self._source.name}"
        return plotting.report(result.history, title, warning=self._source.warning)

    def _comparison(self) -> "Figure":
        groups: dict[str, list[History]] = {}
        for result in self.made:
            groups.setdefault(article.EXPERIMENTS[result.optimizer].title, []).append(result.history)
        seeds = sorted({result.seed for result in self.made})
        return plotting.comparison(
            groups,
            f"{self._source.name}, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
            warning=self._source.warning,
            crossed=[result.history for result in self.made if result.dead_outputs],
            crossed_label="with dead outputs",
        )


def read(path: Path) -> list[RunResult]:
    """The runs of a ``histories.json``; a number that was not finite comes back as NaN."""
    return [_from_plain(run) for run in json.loads(path.read_text(encoding="utf-8"))["runs"]]


def _named_by_time(parent: Path) -> Path:
    """A folder that is not there yet."""
    now = f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}"
    names = [now, *(f"{now}-{number}" for number in range(2, 1000))]
    return next(parent / name for name in names if not (parent / name).exists())


def _as_json(results: Sequence[RunResult], described: str) -> str:
    plain = {"data": described, "runs": [_to_plain(result) for result in results]}
    return json.dumps(plain, allow_nan=False, indent=1) + "\n"


def _to_plain(result: RunResult) -> dict[str, Any]:
    history = result.history
    return {
        "optimizer": result.optimizer,
        "seed": result.seed,
        "dead_outputs": result.dead_outputs,
        "stop_reason": history.stop_reason,
        "stopped_by": history.stopped_by,
        # JSON has no word for a number that is not finite
        **{name: [value if math.isfinite(value) else None for value in getattr(history, name)] for name in _SERIES},
    }


def _from_plain(plain: dict[str, Any]) -> RunResult:
    series = {name: [math.nan if value is None else value for value in plain[name]] for name in _SERIES}
    accuracies = series.pop("val_accuracy")
    stopped = {"stop_reason": plain["stop_reason"], "stopped_by": plain["stopped_by"]}
    history = History.from_dict(series | stopped | {"metrics": {"accuracy": accuracies}, "lr": [], "validated": True})
    return RunResult(plain["optimizer"], plain["seed"], history, plain["dead_outputs"])


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
