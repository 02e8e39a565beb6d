"""Listener that shows the progress of a training."""

import importlib.util
import sys
import time
from collections.abc import Sequence
from typing import Any, Literal

from cutedl_xp import _checks
from cutedl_xp.training.events import Event, Listener
from cutedl_xp.training.history import History

_BAR_WIDTH = 12  # characters of the bar and the percentage; with less room Progress shows no bar


class Progress:
    """Show a training in a line: the steps, the steps per second, the last losses and metrics, and a bar (with tqdm).

    List it last among the listeners, so that it closes its line after a stop by another listener. A narrow terminal
    gets shorter figures and no bar. The whole bar stands for the steps of this ``fit`` up to its last epoch, or up to
    the earliest stop by EarlyStopping or TargetReached, which moves while the figures improve. With ``epochs=5000`` and
    ``EarlyStopping(patience=20)`` the bar begins with 20 entries of the history. After the first entry of the history,
    the steps per second exclude the time up to this entry, which includes the compilation.

    Parameters
    ----------
    description
        Text at the start of the line, default ``""``.
    position
        Line of the bar, for several trainings at once; default None for the next free line.
    show
        Whether the line is shown. The default None shows it in terminals and notebooks only.

    Raises
    ------
    ImportError
        If tqdm is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(0.1))
    >>> data = cdl.Dataset(np.ones((4, 1)), np.ones((4, 1)))
    >>> history = session.fit(data, epochs=2, listeners=[cdl.listeners.Progress("mean")])
    """

    def __init__(self, description: str = "", position: int | None = None, show: bool | None = None) -> None:
        try:
            import tqdm
            import tqdm.auto
        except ImportError as error:
            raise _checks.missing_extra_error("Progress", "tqdm", "progress") from error
        self.description = description
        self.position = position
        self.show = _can_be_seen() if show is None else show
        self._make_bar = tqdm.auto.tqdm if in_notebook() else tqdm.tqdm
        self._bar: Any = None
        self._start = 0
        self._warm: tuple[int, float] | None = None  # step and time of the first entry
        self._history: History | None = None
        self._ended = False

    def __call__(self, event: Event) -> None:
        """Begin a bar at the start of a training, update it, and close it at the end."""
        if not self.show:
            return
        resumed = self._ended and event.name == "epoch_start"  # in the same history
        if event.history is not self._history or resumed:
            self._begin(event)
        self._note_warm_up(event)
        self._set_total(self._count_steps(event))
        self._bar.bar_format = self._layout(event)
        self._bar.update(event.step - self._start - self._bar.n)
        if event.history.stop_reason is not None or (event.name == "epoch_end" and event.epoch == event.last_epoch):
            self._close(event.history)

    def _begin(self, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
        self._start, self._history, self._ended, self._warm = event.step, event.history, False, None
        total = self._count_steps(event)
        self._bar = self._make_bar(total=total, position=self.position, dynamic_ncols=True, bar_format=" ")

    def _count_steps(self, event: Event) -> int:
        """Return the steps of this ``fit``, up to the earliest stop that a listener states."""
        done = event.step - self._start
        total = done + (event.last_epoch + 1 - event.epoch) * event.epoch_steps - event.batch
        entries = event.entries_left
        if entries is None:
            return total
        last, interval = event.step, event.epoch_steps
        if event.history.steps:
            before, last = [self._start, *event.history.steps][-2:]
            interval = last - before if last > before else interval
        return min(total, max(done, last + entries * interval - self._start))

    def _set_total(self, total: int) -> None:
        self._bar.total = total
        if hasattr(self._bar, "container"):  # the widget of a notebook, whose total tqdm sets at its start alone
            self._bar.container.children[1].max = total

    def _close(self, history: History) -> None:
        bar = self._bar
        if history.stopped_by == "listener" and hasattr(bar, "disp"):  # in notebooks a bar with steps left turns red
            bar.bar_format = bar.bar_format.replace("{percentage:3.0f}", f"{100 * bar.n / bar.total:3.0f}")
            self._set_total(bar.n)
        bar.close()
        self._ended = True

    def _note_warm_up(self, event: Event) -> None:
        """Start the measurement of the speed at the last event of the first reported step."""
        if event.step > self._start and (self._warm is None or self._warm[0] == event.step):
            self._warm = event.step, time.perf_counter()

    def _speed(self, event: Event, elapsed: float) -> float:
        """Return the steps per second since the first reported step; before a later step, since the start."""
        if self._warm is not None and event.step > self._warm[0]:
            step, begun = self._warm
            return (event.step - step) / max(time.perf_counter() - begun, 1e-9)
        return (event.step - self._start) / max(elapsed, 1e-9)

    def _layout(self, event: Event) -> str:
        """Return the format of the line for tqdm, with a bar if the terminal has room for one."""
        state, steps, history = self._bar.format_dict, event.step - self._start, event.history
        begun = f"{self.description}: " * bool(self.description) + f"{steps:,} steps"
        parts = [begun, f"{self._speed(event, state['elapsed']):,.0f}/s"]
        line, room = "", -1
        for digits, val_loss in ((4, "val loss"), (3, "val")):
            if room < 0:
                words = {"val_loss": val_loss, "val_accuracy": "acc"}
                entries = [(words.get(name, name), history.series(name)) for name in history.recorded if history.steps]
                line = ", ".join([*parts, *(f"{word} {values[-1]:.{digits}f}" for word, values in entries)])
                room = (state["ncols"] or 80) - len(line)
        line = line.replace("{", "{{").replace("}", "}}")  # tqdm calls str.format
        return f"{line} {{percentage:3.0f}}%|{{bar}}|" if room > _BAR_WIDTH else line


def in_notebook() -> bool:
    """Return whether the code runs in a cell of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell"


def with_progress(listeners: Sequence[Listener], verbose: bool | Literal[0, 1] | None) -> Sequence[Listener]:
    """Return the listeners of a training, with a Progress if ``verbose`` requires one.

    Parameters
    ----------
    listeners
        Listeners of the training. If they include a Progress, none is added.
    verbose
        Whether to add a Progress; 0 and 1 mean False and True. None adds one in terminals and notebooks if tqdm is
        installed.

    Raises
    ------
    ImportError
        If ``verbose`` is True and tqdm is not installed.
    """
    if isinstance(verbose, int) and verbose in (0, 1):  # as in Keras
        verbose = bool(verbose)
    if verbose is not None and not isinstance(verbose, bool):
        raise TypeError(f"`verbose` must be True, False or None; got {_checks.format_value(verbose)}")
    if verbose is False or any(isinstance(listener, Progress) for listener in listeners):
        return listeners
    if verbose is None and not (_can_be_seen() and importlib.util.find_spec("tqdm")):
        return listeners
    return [*listeners, Progress(show=True)]


def _can_be_seen() -> bool:
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())
