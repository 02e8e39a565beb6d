"""Progress of a study or a training on stderr: a live bar in a terminal, otherwise lines."""

from types import TracebackType
from typing import Any

from cutedl_xp.commands import _output
from cutedl_xp.listeners import Event
from cutedl_xp.studies.executors import Outcome


class _Bar:
    """Context with rich's progress bar in a terminal, and without a bar elsewhere."""

    def __init__(self, description: str, total: int) -> None:
        self._progress: Any = None
        if _output.is_terminal():
            from rich import progress
            from rich.console import Console

            self._progress = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(bar_width=None),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
                progress.TextColumn("{task.fields[note]}", markup=False),
                console=Console(stderr=True),
                expand=True,
            )
            self._task = self._progress.add_task(description, total=total, note="")

    def __enter__(self) -> Any:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, line: str, completed: int, total: int, note: str, *, keep: bool = False) -> None:
        """Move the bar to ``completed``; without a bar, or with ``keep``, print the line."""
        if self._progress is not None:
            self._progress.update(self._task, completed=completed, total=total, note=note)
            if keep:
                self._progress.console.print(line, markup=False, highlight=False)
        else:
            _output.note(line)


class StudyProgress(_Bar):
    """Progress of a study, called with each :class:`~cutedl_xp.studies.executors.Outcome`.

    Parameters
    ----------
    missing
        Number of the runs to execute.
    """

    def __init__(self, missing: int) -> None:
        super().__init__("runs", missing)
        self._total = missing
        self._ended = self._failed = 0

    def __call__(self, outcome: Outcome) -> None:
        """Count a run that has ended."""
        self._ended += 1
        self._total = max(self._total, self._ended)  # the final runs are known only at the end of a tuning
        self._failed += outcome.run is None
        note = f"{self._failed} failed" if self._failed else ""
        line = f"{self._ended}/{self._total} {describe(outcome)}"
        self.show(line, self._ended, self._total, note, keep=outcome.run is None)


class TrainingProgress(_Bar):
    """Listener that shows the epochs of a training.

    Parameters
    ----------
    epochs
        Largest number of epochs; a stop rule may end the training earlier.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__("epochs", epochs)

    def __call__(self, event: Event) -> None:
        """Show a finished epoch and its validation."""
        if event.name == "epoch_end" and event.history.steps:
            history = event.history
            figures = f"val loss {history.val_loss[-1]:.4f}, accuracy {history.val_accuracy[-1]:.4f}"
            epoch, last = event.epoch + 1, event.last_epoch + 1
            left = event.last_epoch - event.epoch if event.entries_left is None else event.entries_left
            total = min(last, epoch + left)  # up to the earliest stop
            self.show(f"epoch {epoch} of {last}: {event.step:,} steps, {figures}", epoch, total, figures)


def describe(outcome: Outcome) -> str:
    """Return a line about the end of a run."""
    if outcome.run is None:
        return f"{outcome.spec} failed: {outcome.error}"
    figures = outcome.run["figures"]
    return (
        f"{outcome.spec}: {figures['steps']:,} steps in {figures['seconds']:.1f} s, "
        f"validation accuracy {figures['val_accuracy']:.4f}; stopped: {outcome.run['stop_reason']}"
    )
