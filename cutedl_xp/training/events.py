"""Moments of a training that its listeners are called at."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cutedl_xp import _checks
from cutedl_xp.training.gradient_norm import GradientNorm
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
        (also of a validation that raised), or ``"step_end"``. The last one, after a step and its validation, is for
        listeners whose attribute ``events`` names it: after each step, or after every ``every_steps`` steps of the
        session if the listener has this attribute.
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
    norm
        Holder of :attr:`gradient_norm`; None if no listener asks for it.
    listeners
        Listeners of the training.
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
    norm: GradientNorm | None = field(default=None, repr=False)
    listeners: Sequence["Listener"] = field(default=(), repr=False)

    @property
    def gradient_norm(self) -> float | None:
        """Norm of all gradients together at the last step; None before the first step of this ``fit``.

        The gradients are those of the loss of the batch and of the penalties, before the optimizer changes them: before
        ``ClipByNorm`` and its relatives limit them, and before ``Accumulate`` averages those of several batches.
        Reading the norm waits for the device.

        Raises
        ------
        RuntimeError
            If no listener of the training has the attribute ``needs_gradient_norm = True``.
        """
        if self.norm is None:
            raise RuntimeError(
                "`gradient_norm` needs a listener with `needs_gradient_norm = True`, such as "
                "FitListener(..., needs_gradient_norm=True)"
            )
        return self.norm.read()

    @property
    def entries_left(self) -> int | None:
        """Number of entries of the history to the earliest stop that a listener states; None if none does."""
        stated = [int(each.entries_left) for each in self.listeners if hasattr(each, "entries_left")]
        return min(stated, default=None)

    def stop(self, why: str) -> None:
        """End the training after this event; the first reason given becomes the history's ``stop_reason``.

        Parameters
        ----------
        why
            The reason as a sentence.
        """
        self.stopping.stop("listener", _checks.check_text("why", why))


Listener: TypeAlias = Callable[[Event], None]
"""``listener(event)`` is called at the events of a training. These attributes and methods are optional:

- ``events``: a collection; if it names ``"step_end"``, the listener is called after steps as well.
- ``every_steps``: the number of steps between two such calls, default 1.
- ``needs_gradient_norm``: True to read ``event.gradient_norm``.
- ``called_last``: True to be called after all listeners without it, and once more at the end of an epoch if Ctrl-C or
  SIGTERM arrives while these listeners are called.
- ``entries_left``: the number of entries of the history to the earliest stop by this listener, which Progress shows.
- ``check_session(session)``: called before the first step, to refuse a session by an exception.
- ``state_dict()`` and ``load_state_dict(d)``: the memory of the listener, which belongs to the session.
"""


def check(listeners: Sequence[Any], session: Any = None) -> None:
    """Refuse objects that cannot be called with an event, and let those that have ``check_session`` refuse a session.

    Parameters
    ----------
    listeners
        Listeners of a training.
    session
        Session that is about to train; default None, where the listeners are not asked.
    """
    for listener in _checks.check_sequence("listeners", listeners):
        if session is not None and not isinstance(listener, type) and hasattr(listener, "check_session"):
            listener.check_session(session)
        if not callable(listener) or isinstance(listener, type):
            raise TypeError(
                f"`listeners` must be callables that take an event, such as EarlyStopping(); got {listener!r}"
            )
        step_interval(listener)


def step_interval(listener: Listener) -> int:
    """Return the number of steps between two ``"step_end"`` calls of a listener; 0 if it is never called so."""
    events = getattr(listener, "events", ())
    if not isinstance(events, Collection) or "step_end" not in events:
        return 0
    return _checks.check_integer("every_steps", getattr(listener, "every_steps", 1), at_least=1)


def call_order(listeners: Sequence[Listener]) -> list[Listener]:
    """Return listeners in the order of their calls: as given, and at the end the ones with ``called_last = True``."""
    return sorted(listeners, key=is_called_last)


def is_called_last(listener: Listener) -> bool:
    """Return whether a listener asks to be called after all others."""
    return getattr(listener, "called_last", False) is True
