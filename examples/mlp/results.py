"""The results of a program: pictures, tables, and the histories for other programs."""

import functools
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import article
import folders
import images
import screen
import stopping
import table
from runs import Failure, Plan, RunResult, describe

from cutedl_xp import History, plotting
from cutedl_xp.files.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SERIES = ("steps", "loss", "val_loss", "val_accuracy", "cost_time")
_CANNOT = "cannot be written: "  # how plotting.save begins


class Book:
    """Results of the runs so far, in the order of their plans, written to the disk as soon as each run ends.

    Parameters
    ----------
    folder
        Folder for the results.
    plans
        Plans of all runs.
    source
        Source of the images.
    caption
        Text above the table.
    before
        Results of an earlier call in this folder, default none.

    Attributes
    ----------
    files
        Files that were written.
    unwritten
        Whether a file could not be written; the screen says so at once.
    """

    def __init__(
        self, folder: Path, plans: Sequence[Plan], source: images.Source, caption: str, before: Sequence[RunResult] = ()
    ) -> None:
        self.folder, self.caption = folder, caption
        self.files: list[Path] = []
        self.unwritten = False
        self._source = source
        self._described = f"{source.name}: {source.warning}" if source.warning else source.name
        self._plans = {(plan.optimizer, plan.seed): plan for plan in plans}
        self._results = {(result.optimizer, result.seed): result for result in before}

    @property
    def made(self) -> list[RunResult]:
        """Results with at least one validation."""
        return [self._results[key] for key in self._plans if key in self._results]

    @property
    def unfinished(self) -> list[Plan]:
        """Plans of the runs that are still to be made or to be resumed."""
        finished = {key for key, result in self._results.items() if result.finished}
        return [plan for key, plan in self._plans.items() if key not in finished]

    def go_on(self) -> None:
        """Write the files that an earlier call was killed before writing."""
        if self.made:
            with stopping.held():
                self._write_numbers()
                for result in self.made:
                    if not self._picture(result).exists():
                        self._draw(self._picture(result).name, functools.partial(self._report, result))
                    self._forget_checkpoint(result)

    def add(self, outcome: RunResult | Failure) -> None:
        """Write the result of a run: the numbers before the picture, and both before its checkpoint is removed."""
        screen.tell(outcome)
        if isinstance(outcome, Failure) or not outcome.history.steps:
            return
        result = _from_plain(_to_plain(outcome))  # so that a table is the same once it was read from the file
        self._results[result.optimizer, result.seed] = result
        with stopping.held():
            with suppress(OSError):
                self._picture(result).unlink()  # that of the run before it was resumed
            self._write_numbers()
            self._draw(self._picture(result).name, lambda: self._report(result))
            self._forget_checkpoint(result)

    def close(self) -> None:
        """Compare the runs once all have ended."""
        if len(self.made) > 1:
            with stopping.held():
                self._draw("comparison.png", self._comparison)
        folders.remove_if_unused(self.folder)

    def _picture(self, result: RunResult) -> Path:
        return self.folder / f"{result.optimizer}-seed{result.seed}.png"

    def _forget_checkpoint(self, result: RunResult) -> None:
        """Remove the checkpoint of a run whose result is on the disk."""
        plan = self._plans[result.optimizer, result.seed]
        if result.finished and plan.begun and not self.unwritten:
            with suppress(OSError):  # the next call removes it
                plan.checkpoint.unlink()

    def _write_numbers(self) -> None:
        texts = {
            folders.HISTORIES: _as_json(self.made, self._described),
            folders.CSV: table.as_csv(self.made, self._described),
            folders.MARKDOWN: table.as_markdown(self.made, self.caption),
        }
        for name, text in texts.items():
            self._write(name, functools.partial(write_atomically, content=text.encode()))

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
    """Return the runs of a ``histories.json``; a number that was not finite becomes NaN."""
    return [_from_plain(run) for run in json.loads(path.read_text(encoding="utf-8"))["runs"]]


def read_before(folder: Path, plans: Sequence[Plan]) -> list[RunResult]:
    """Return the results of an earlier call, none if no run had ended.

    Raises
    ------
    ValueError
        If their file is damaged or holds other runs than the planned ones.
    """
    path = folder / folders.HISTORIES
    if not path.exists():
        return []
    try:
        before = read(path)
        made = {(result.optimizer, result.seed) for result in before if result.history.steps}
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({describe(error)}); remove it to make its runs anew") from error
    if len(made) < len(before) or not made <= {(plan.optimizer, plan.seed) for plan in plans}:
        raise ValueError(f"{path} has runs that {folders.SETTINGS} does not plan; remove it to make its runs anew")
    return before


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
    if len({len(values) for values in series.values()}) > 1 or not isinstance(plain["dead_outputs"], int | None):
        raise ValueError("its lists have different lengths, or dead_outputs is no number")
    accuracies = series.pop("val_accuracy")
    stopped = {"stop_reason": plain["stop_reason"], "stopped_by": plain["stopped_by"]}
    history = History.from_dict(series | stopped | {"metrics": {"accuracy": accuracies}, "lr": [], "validated": True})
    return RunResult(plain["optimizer"], plain["seed"], history, plain["dead_outputs"])
