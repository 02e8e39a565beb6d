"""Events of a training, at which its listeners are called."""

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
    """Event of a training.

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
        Number of the epoch, from 0, over all calls of ``fit``.
    step
        Number of training steps of the session so far.
    last_epoch
        Number of the last epoch of this ``fit``.
    epoch_steps
        Number of steps of an epoch.
    stopping
        Object with which :meth:`stop` ends the training.
    batch
        Number of completed steps of the epoch.
    norm
        Holder of :attr:`gradient_norm`; None if no listener needs it.
    listeners
        Listeners of the training.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(0.1))
    >>> def show(event):
    ...     print(event.name, event.epoch, event.step)
    >>> data = cdl.Dataset(np.ones((8, 1)), np.ones((8, 1)), batch_size=4)
    >>> history = session.fit(data, epochs=1, listeners=[show])
    epoch_start 0 0
    epoch_end 0 2
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

        The gradients include the penalties, and are taken before the optimizer changes them: before clipping, and
        before ``Accumulate`` averages the gradients of several batches. Reading the norm waits for the device.

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
        """End the training after this event; the first reason becomes the ``stop_reason`` of the history.

        Parameters
        ----------
        why
            Reason as a sentence.
        """
        self.stopping.stop("listener", _checks.check_text("why", why))


Listener: TypeAlias = Callable[[Event], None]
"""Callable ``listener(event)``, called at the events of a training. These attributes and methods are optional:

- ``events``: a collection; if it names ``"step_end"``, the listener is called after steps as well.
- ``every_steps``: the number of steps between two such calls, default 1.
- ``needs_gradient_norm``: True to read ``event.gradient_norm``.
- ``called_last``: True to be called after all other listeners, and once more at the end of an epoch if Ctrl-C or
  SIGTERM arrives during these calls.
- ``entries_left``: the number of entries of the history to the earliest stop by this listener, which Progress shows.
- ``check_session(session)``: called before the first step, to raise for a session that does not fit.
- ``state_dict()`` and ``load_state_dict(d)``: the memory of the listener, which belongs to the session.
"""


def check(listeners: Sequence[Any], session: Any = None) -> None:
    """Raise if a listener cannot be called with an event, or its ``check_session`` raises for a session.

    Parameters
    ----------
    listeners
        Listeners of a training.
    session
        Session that is about to train; default None, where ``check_session`` is not called.

    Examples
    --------
    >>> from cutedl_xp import listeners
    >>> listeners.check([listeners.EarlyStopping(), print])
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
    """Return the number of steps between two ``"step_end"`` calls of ``listener``; 0 without such calls."""
    events = getattr(listener, "events", ())
    if not isinstance(events, Collection) or "step_end" not in events:
        return 0
    return _checks.check_integer("every_steps", getattr(listener, "every_steps", 1), at_least=1)


def call_order(listeners: Sequence[Listener]) -> list[Listener]:
    """Return ``listeners`` in the order of their calls: the ones with ``called_last = True`` after the others."""
    return sorted(listeners, key=is_called_last)


def is_called_last(listener: Listener) -> bool:
    """Return whether ``listener`` is called after all others."""
    return getattr(listener, "called_last", False) is True
