"""Listener that calls a function."""

from collections.abc import Callable
from functools import partial
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
    """Call a function at some of the events, such as after each step.

    Parameters
    ----------
    *events
        Names of the events; see :class:`Event`.
    callback
        Function that is called with the event.
    every_steps
        Number of steps of the session between two calls at ``"step_end"``, default 1, at least 1.
    needs_gradient_norm
        Whether the training computes ``event.gradient_norm``, default False.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="zeros")])
    >>> session = cdl.Session(model.assemble("numpy"), loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(lr=0.25))
    >>> show = cdl.listeners.FitListener(
    ...     "step_end", callback=lambda event: print(event.step, event.gradient_norm), needs_gradient_norm=True
    ... )
    >>> data = cdl.Dataset(np.array([[1.0], [-1.0]]), np.array([[2.0], [-2.0]]))
    >>> history = session.fit(data, epochs=3, listeners=[show])
    1 4.0
    2 2.0
    3 1.0
    """

    events: tuple[str, ...] = option(check_events)
    callback: Callable[[Event], object] = option(check_callback)
    every_steps: int = option(partial(_checks.check_integer, at_least=1))
    needs_gradient_norm: bool = option(_checks.check_boolean)

    def __init__(
        self,
        *events: str,
        callback: Callable[[Event], object],
        every_steps: int = 1,
        needs_gradient_norm: bool = False,
    ) -> None:
        self.events = events
        self.callback = callback
        self.every_steps = every_steps
        self.needs_gradient_norm = needs_gradient_norm

    def __call__(self, event: Event) -> None:
        """Call the function if the event has one of the names."""
        if event.name in self.events:
            self.callback(event)
