"""Moments of a training that its listeners are called at."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cutedl_xp import _checks
from cutedl_xp.training.history import History
from cutedl_xp.training.stopping import Stopping

EVENTS = ("epoch_start", "epoch_end", "val_start", "val_end", "step_end")


@dataclass(frozen=True)
class Event:
    """A moment of a training.

    Attributes
    ----------
    name
        ``"epoch_start"``, ``"epoch_end"`` (also of an epoch that is stopped early), ``"val_start"``, ``"val_end"``
        (also of a validation that raised), or ``"step_end"``. The last one, after each step and its validation, is
        for listeners whose attribute ``events`` names it.
    session
        Session that trains.
    history
        Record of the training so far.
    epoch
        Number of the epoch, from 0; it goes on from one ``fit`` to the next.
    step
        Training steps of the session so far.
    last_epoch
        Number of the last epoch of this ``fit``.
    epoch_steps
        Steps of an epoch.
    stopping
        Object that :meth:`stop` ends the training with.
    batch
        Steps done of the epoch.
    """

    name: str
    session: Any
    history: History
    epoch: int
    step: int
    last_epoch: int
    epoch_steps: int
    stopping: Stopping = field(repr=False)
    batch: int = 0

    def stop(self, why: str) -> None:
        """End the training after this event; the first reason given becomes the history's ``stop_reason``.

        Parameters
        ----------
        why
            The reason as a sentence.
        """
        self.stopping.stop("listener", _checks.check_text("why", why))


Listener: TypeAlias = Callable[[Event], None]


def check(listeners: Sequence[Any]) -> None:
    """Refuse objects that cannot be called with an event."""
    for listener in _checks.check_sequence("listeners", listeners):
        if not callable(listener) or isinstance(listener, type):
            raise TypeError(
                f"`listeners` must be callables that take an event, such as EarlyStopping(); got {listener!r}"
            )


def wants_steps(listener: Listener) -> bool:
    """Return whether a listener is called after each step."""
    events = getattr(listener, "events", ())
    return isinstance(events, Collection) and "step_end" in events
