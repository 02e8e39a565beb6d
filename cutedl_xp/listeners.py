"""Listeners: callables that a training calls at its events, to stop it, to show it, or for anything else."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cutedl_xp import _checks
from cutedl_xp.history import History

_BAR_WIDTH = 12  # characters, with the percentage; where there are fewer, Progress shows no bar
EVENTS = ("epoch_start", "epoch_end", "val_start", "val_end")


@dataclass(frozen=True)
class Event:
    """A moment of a training.

    Attributes
    ----------
    name
        ``"epoch_start"``, ``"epoch_end"`` (of an epoch that was stopped early too), ``"val_start"`` or ``"val_end"``.
    session
        The session that trains.
    history
        What it has recorded so far.
    epoch, step
        The epoch's number from 0, and the training steps so far; both count on from one ``fit`` to the next.
    last_epoch, epoch_steps
        The number of the last epoch of this ``fit``, and the steps of an epoch.
    """

    name: str
    session: Any
    history: History
    epoch: int
    step: int
    last_epoch: int
    epoch_steps: int

    def stop(self, why: str) -> None:
        """End the training after this event; the first reason given becomes the history's ``stop_reason``."""
        why = _checks.text("why", why)
        if self.history.stop_reason is None:
            self.history.stop_reason = why


Listener: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True)
class EarlyStopping:
    """Stops when ``monitor`` has not become smaller for a while.

    It stops when the best of the last ``patience`` entries is not better than the best before them by more than
    ``min_delta``.

    Parameters
    ----------
    monitor
        What is watched: ``"loss"``, ``"val_loss"`` or a metric such as ``"val_accuracy"``.
    patience
        How many entries it waits, at least 1.
    min_delta
        What counts as better, at least 0.
    mode
        ``"min"`` if less is better, ``"max"`` if more is. It must be said for a metric; losses are ``"min"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.listeners.EarlyStopping(patience=5)
    EarlyStopping(monitor='val_loss', patience=5, min_delta=0.001, mode='min')
    """

    monitor: str = "val_loss"
    patience: int = 20
    min_delta: float = 1e-3
    mode: str | None = None

    def __post_init__(self) -> None:
        _checks.text("monitor", self.monitor)
        object.__setattr__(self, "patience", _checks.integer("patience", self.patience, at_least=1))
        object.__setattr__(self, "min_delta", _checks.not_negative("min_delta", self.min_delta))
        if self.mode is None and self.monitor.endswith("loss"):
            object.__setattr__(self, "mode", "min")
        if self.mode is None:
            raise ValueError(f"`mode` must be 'min' or 'max' to monitor {self.monitor!r}; got None")
        _checks.one_of("mode", self.mode, ("min", "max"))

    def __call__(self, event: Event) -> None:
        """Look at the history, and stop the training if it is time."""
        sign = 1.0 if self.mode == "min" else -1.0
        entries = [math.inf if math.isnan(x) else sign * x for x in event.history.series(self.monitor)]
        before, last = entries[: -self.patience], entries[-self.patience :]
        if before and not min(last) < min(before) - self.min_delta:
            event.stop(
                f"{self.monitor} has not improved by more than {self.min_delta:g} in {self.patience} validations"
            )


@dataclass(frozen=True)
class TargetReached:
    """Stops when the last ``times`` entries of ``monitor`` are all above ``target``.

    Parameters
    ----------
    monitor
        What is watched, such as ``"val_accuracy"``.
    target
        The value to pass.
    times
        How many entries in a row, at least 1.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.listeners.TargetReached(target=0.95, times=3)
    TargetReached(monitor='val_accuracy', target=0.95, times=3)
    """

    monitor: str = "val_accuracy"
    target: float = 0.91
    times: int = 20

    def __post_init__(self) -> None:
        _checks.text("monitor", self.monitor)
        object.__setattr__(self, "target", _checks.real("target", self.target))
        object.__setattr__(self, "times", _checks.integer("times", self.times, at_least=1))

    def __call__(self, event: Event) -> None:
        """Look at the history, and stop the training if it is time."""
        last = event.history.series(self.monitor)[-self.times :]
        if len(last) == self.times and all(entry > self.target for entry in last):
            event.stop(f"{self.monitor} was above {self.target:g} {self.times} times in a row")


class FitListener:
    """Calls a function at some of the events.

    Parameters
    ----------
    *events
        Their names; see :class:`Event`.
    callback
        Called with the event.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> listener = cdl.listeners.FitListener("epoch_end", callback=lambda event: print(event.epoch))
    """

    def __init__(self, *events: str, callback: Callable[[Event], object]) -> None:
        if not events:
            raise ValueError(f"`events` is empty; name some of {', '.join(map(repr, EVENTS))}")
        if not callable(callback):
            raise TypeError(f"`callback` must be callable; got {callback!r}")
        self.events = tuple(_checks.one_of("events", event, EVENTS) for event in events)
        self.callback = callback

    def __call__(self, event: Event) -> None:
        """Pass the event on if it is one of those asked for."""
        if event.name in self.events:
            self.callback(event)


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
            raise _checks.missing_extra("Progress", "tqdm", "examples") from error
        self.description = description
        self.position = position
        self.show = (sys.stderr is not None and sys.stderr.isatty()) if show is None else show
        self._make_bar = tqdm.tqdm
        self._bar: Any = None
        self._start = 0
        self._history: History | None = None

    def __call__(self, event: Event) -> None:
        """Begin a bar with a training, move it on, and close it at the end."""
        if not self.show:
            return
        if event.history is not self._history:
            self._begin(event)
        self._bar.bar_format = self._layout(event)
        self._bar.update(event.step - self._start - self._bar.n)
        if event.history.stop_reason is not None or (event.name == "epoch_end" and event.epoch == event.last_epoch):
            self._bar.close()

    def _begin(self, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
        steps = (event.last_epoch + 1 - event.epoch) * event.epoch_steps
        self._bar = self._make_bar(total=steps, position=self.position, dynamic_ncols=True, bar_format=" ")
        self._start, self._history = event.step, event.history

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


def check(listeners: Sequence[Any]) -> None:
    """Refuse what cannot be called with an event."""
    for listener in _checks.sequence("listeners", listeners):
        if not callable(listener) or isinstance(listener, type):
            raise TypeError(
                f"`listeners` must be callables that take an event, such as EarlyStopping(); got {listener!r}"
            )
