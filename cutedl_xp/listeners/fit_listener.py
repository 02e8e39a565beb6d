"""The listener that calls a function."""

from collections.abc import Callable
from typing import Any

from cutedl_xp import _checks
from cutedl_xp._options import option
from cutedl_xp.training.events import EVENTS, Event


def check_events(argument: str, value: Any) -> tuple[str, ...]:
    """Return names of events as a tuple."""
    names = _checks.check_sequence(argument, value)
    if not names:
        raise ValueError(f"`{argument}` is empty; name some of {', '.join(map(repr, EVENTS))}")
    return tuple(_checks.check_one_of(argument, name, EVENTS) for name in names)


def check_callback(argument: str, value: Any) -> Any:
    """Return a value that can be called."""
    if not callable(value):
        raise TypeError(f"`{argument}` must be callable; got {value!r}")
    return value


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

    events: tuple[str, ...] = option(check_events)
    callback: Callable[[Event], object] = option(check_callback)

    def __init__(self, *events: str, callback: Callable[[Event], object]) -> None:
        self.events = events
        self.callback = callback

    def __call__(self, event: Event) -> None:
        """Pass the event on if it is one of those asked for."""
        if event.name in self.events:
            self.callback(event)
