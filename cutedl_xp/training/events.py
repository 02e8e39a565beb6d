"""What a training tells its listeners."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cutedl_xp import _checks
from cutedl_xp.training.history import History

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
        why = _checks.check_text("why", why)
        if self.history.stop_reason is None:
            self.history.stop_reason = why


Listener: TypeAlias = Callable[[Event], None]


def check(listeners: Sequence[Any]) -> None:
    """Refuse what cannot be called with an event."""
    for listener in _checks.check_sequence("listeners", listeners):
        if not callable(listener) or isinstance(listener, type):
            raise TypeError(
                f"`listeners` must be callables that take an event, such as EarlyStopping(); got {listener!r}"
            )
