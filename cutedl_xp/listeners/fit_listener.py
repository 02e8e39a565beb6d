"""The listener that calls a function."""

from collections.abc import Callable

from cutedl_xp import _checks
from cutedl_xp.training.events import EVENTS, Event


class FitListener:
    """Call a function at some of the events.

    Parameters
    ----------
    *events
        Names of the events; see :class:`Event`.
    callback
        Function that is called with the event.
    every_steps
        Number of steps of the session between two calls at ``"step_end"``, default 1, at least 1.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> listener = cdl.listeners.FitListener("epoch_end", callback=lambda event: print(event.epoch))
    """

    def __init__(self, *events: str, callback: Callable[[Event], object], every_steps: int = 1) -> None:
        if not events:
            raise ValueError(f"`events` is empty; name some of {', '.join(map(repr, EVENTS))}")
        if not callable(callback):
            raise TypeError(f"`callback` must be callable; got {callback!r}")
        self.events = tuple(_checks.check_one_of("events", event, EVENTS) for event in events)
        self.callback = callback
        self.every_steps = _checks.check_integer("every_steps", every_steps, at_least=1)

    def __call__(self, event: Event) -> None:
        """Pass the event on if it is one of those asked for."""
        if event.name in self.events:
            self.callback(event)
