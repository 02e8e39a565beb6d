"""The listener that shows how far a training is."""

import sys
from typing import Any

from cutedl_xp import _checks
from cutedl_xp.training.events import Event
from cutedl_xp.training.history import History

_BAR_WIDTH = 12  # characters, with the percentage; where there are fewer, Progress shows no bar


class Progress:
    """Shows a training in a line: the steps, the steps a second, the last losses and metrics, and a bar (with tqdm).

    Put it last among the listeners, so that it sees what the others have stopped and closes its line. A narrow
    terminal gets shorter figures and no bar.

    Parameters
    ----------
    description
        Shown at the start of the line.
    position
        The bar's line, for several trainings at once.
    show
        Whether it is shown; by default only where stderr is a terminal.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """

    def __init__(self, description: str = "", position: int | None = None, show: bool | None = None) -> None:
        try:
            import tqdm
        except ImportError as error:
            raise _checks.missing_extra_error("Progress", "tqdm", "examples") from error
        self.description = description
        self.position = position
        self.show = (sys.stderr is not None and sys.stderr.isatty()) if show is None else show
        self._make_bar = tqdm.tqdm
        self._bar: Any = None
        self._start = 0
        self._history: History | None = None
        self._ended = False

    def __call__(self, event: Event) -> None:
        """Begin a bar with a training, move it on, and close it at the end."""
        if not self.show:
            return
        resumed = self._ended and event.name == "epoch_start"  # in the same history
        if event.history is not self._history or resumed:
            self._begin(event)
        self._bar.bar_format = self._layout(event)
        self._bar.update(event.step - self._start - self._bar.n)
        if event.history.stop_reason is not None or (event.name == "epoch_end" and event.epoch == event.last_epoch):
            self._bar.close()
            self._ended = True

    def _begin(self, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
        steps = (event.last_epoch + 1 - event.epoch) * event.epoch_steps - event.batch
        self._bar = self._make_bar(total=steps, position=self.position, dynamic_ncols=True, bar_format=" ")
        self._start, self._history, self._ended = event.step, event.history, False

    def _layout(self, event: Event) -> str:
        """The line as tqdm takes it; a bar it must have, and what is longer than the terminal it cuts off."""
        state, steps, history = self._bar.format_dict, event.step - self._start, event.history
        begun = f"{self.description}: " * bool(self.description) + f"{steps:,} steps"
        parts = [begun, f"{steps / max(state['elapsed'], 1e-9):,.0f}/s"]
        line, room = "", -1
        for digits, val_loss in ((4, "val loss"), (3, "val")):
            if room < 0:
                words = {"val_loss": val_loss, "val_accuracy": "acc"}
                entries = [(words.get(name, name), history.series(name)) for name in history.recorded if history.steps]
                line = ", ".join([*parts, *(f"{word} {values[-1]:.{digits}f}" for word, values in entries)])
                room = (state["ncols"] or 80) - len(line)
        line = line.replace("{", "{{").replace("}", "}}")  # as str.format takes it
        return f"{line} {{percentage:3.0f}}%|{{bar}}|" if room > _BAR_WIDTH else line
