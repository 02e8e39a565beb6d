"""Callback memory: memory of the listeners, which belongs to a session."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import is_dataclass
from threading import get_ident
from typing import Any

from cutedl_xp._checks import format_value
from cutedl_xp._compilable import is_own
from cutedl_xp.training.events import Event, Listener

Place = tuple[str, int]
"""Name of a listener's class, and its position among the listeners of that class."""


class ListenerMemory:
    """Memory of the listeners of a session, over all calls of ``fit``.

    A listener has a memory if it has the methods ``state_dict()``, which returns a dict, and ``load_state_dict(d)``,
    which takes such a dict, or ``{}`` for a reset. The memory is stored under the name of the listener's class and its
    position among the listeners of that class.

    Attributes
    ----------
    listeners
        Listeners of the running training; empty between trainings.
    epoch_is_open
        Whether the listeners have not been called at the end of the current epoch yet.
    """

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()
        self._stored: dict[str, list[dict[str, Any]]] = {}
        self._stopped: set[int] = set()
        self._running, self._thread = False, 0
        self.epoch_is_open = False

    def check_idle(self) -> None:
        """Raise if a training of the session is running, as another one cannot begin or change its state."""
        if self._running:
            raise RuntimeError("a fit of this session is running; wait for its end, or stop it with event.stop()")

    def check_thread(self) -> None:
        """Raise if a training is running in another thread, as its state may be within an update."""
        if self._running and self._thread != get_ident():
            raise RuntimeError(
                "a fit of this session is running in another thread; read or save its state in a listener, such as "
                "Checkpoint"
            )

    @contextmanager
    def lent_to(self, listeners: Sequence[Listener]) -> Iterator[None]:
        """Return a context in which ``listeners`` have their memory, which is stored at its end."""
        for place, listener in _with_memory(listeners):
            try:
                listener.load_state_dict(deepcopy(self._at(place)))
            except (KeyError, TypeError, ValueError) as error:
                what = f"the memory that was loaded for the listener {place[0]} does not fit it ({error!r})"
                raise ValueError(f"{what}; load a state of a session with the same listeners") from error
        self.listeners, self._stopped = tuple(listeners), set()
        self._running, self._thread = True, get_ident()
        try:
            yield
        finally:
            try:
                self._stored = self.state_dict()
            finally:
                self.listeners, self._running = (), False

    def call(self, listener: Listener, event: Event) -> None:
        """Call ``listener`` with ``event``, and note whether it requested a stop."""
        before = event.stopping.listener_requests
        listener(event)
        if event.stopping.listener_requests > before:
            self._stopped.add(id(listener))

    def state_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Return the memory of all listeners; a listener that has stopped the training is reset after the epoch."""
        stored = deepcopy(self._stored)
        for (name, number), listener in _with_memory(self.listeners):
            states = stored.setdefault(name, [])
            states += [{} for _ in range(number + 1 - len(states))]
            is_done = id(listener) in self._stopped and not self.epoch_is_open
            states[number] = {} if is_done else _state_of(listener)
        return stored

    def load_state_dict(self, d: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        """Replace the memory of all listeners by ``d``, from which the next training loads it."""
        self._stored = {name: [deepcopy(state) for state in states] for name, states in d.items()}

    def _at(self, place: Place) -> dict[str, Any]:
        name, number = place
        states = self._stored.get(name, [])
        return states[number] if number < len(states) else {}


def names_with_memory(listeners: Sequence[Any]) -> list[str]:
    """Return the names of the ``listeners`` with a memory: the library's own with their options."""
    own = [listener for _, listener in _with_memory(listeners)]
    return [repr(each) if is_own(each) and is_dataclass(each) else type(each).__name__ for each in own]


def _with_memory(listeners: Sequence[Any]) -> list[tuple[Place, Any]]:
    """Return the listeners with a memory, each with its place."""
    seen: Counter[str] = Counter()
    found = []
    for listener in listeners:
        if all(callable(getattr(listener, method, None)) for method in ("state_dict", "load_state_dict")):
            name = type(listener).__name__
            found.append(((name, seen[name]), listener))
            seen[name] += 1
    return found


def _state_of(listener: Any) -> dict[str, Any]:
    state = listener.state_dict()
    if not isinstance(state, dict):
        raise TypeError(f"state_dict() of a {type(listener).__name__} must return a dict; got {format_value(state)}")
    return deepcopy(state)
