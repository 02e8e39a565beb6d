"""Handling of Ctrl-C and SIGTERM, which take effect after the current training steps."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

REASONS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated by SIGTERM"}
_DEFAULT: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


class Interrupts:
    """Signals received during a training.

    The first signal calls ``stop``. Each later signal raises KeyboardInterrupt, at once or at the end of
    :meth:`postponed`.

    Parameters
    ----------
    stop
        Function that is called with the reason of the first signal.
    """

    def __init__(self, stop: Callable[[str], None]) -> None:
        self._stop = stop
        self._received: list[int] = []
        self._postponed = self._due = self._closed = False

    @property
    def received(self) -> bool:
        """Whether a signal was received."""
        return bool(self._received)

    @property
    def terminated(self) -> bool:
        """Whether one of the signals was SIGTERM."""
        return signal.SIGTERM in self._received

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note a signal; each one after the first raises KeyboardInterrupt.

        Parameters
        ----------
        number, frame
            Number of the signal, and the current stack frame, as for ``signal.signal``.
        """
        self._received.append(number)
        if len(self._received) == 1:
            self._stop(REASONS[signal.Signals(number)])
        elif self._postponed:
            self._due = True
        elif not self._closed:
            raise KeyboardInterrupt

    def close(self) -> None:
        """Note further signals without an exception: the training has ended, and raises for the earlier signals."""
        self._closed = True

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Return a context for training steps, which raises KeyboardInterrupt at its end alone."""
        self._postponed = True
        try:
            yield
        finally:
            self._postponed = False
            if self._due:
                raise KeyboardInterrupt


@contextmanager
def handled_interrupts(stop: Callable[[str], None]) -> Iterator[Interrupts]:
    """Return a context that notes Ctrl-C and SIGTERM; its end restores their handlers and sends SIGTERM again.

    Handlers of the caller remain in effect, and outside the main thread no handler is changed.

    Parameters
    ----------
    stop
        Function that is called with the reason of the first signal.
    """
    interrupts = Interrupts(stop)
    in_main_thread = threading.current_thread() is threading.main_thread()
    replaced = [
        number for number, default in _DEFAULT.items() if in_main_thread and signal.getsignal(number) is default
    ]
    for number in replaced:
        signal.signal(number, interrupts.handle)
    try:
        yield interrupts
    finally:
        try:
            interrupts.close()
            _restore(replaced, interrupts)
        finally:
            _restore(replaced, interrupts)  # again, as another signal may have arrived before `close`
        if interrupts.terminated:
            signal.raise_signal(signal.SIGTERM)


def _restore(numbers: list[signal.Signals], interrupts: Interrupts) -> None:
    """Install the default handlers again, except where a listener has installed its own."""
    for number in numbers:
        if signal.getsignal(number) == interrupts.handle:
            signal.signal(number, _DEFAULT[number])


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Return a context that postpones Ctrl-C to its end, for any handler."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    received: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: received.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        for arguments in received:
            handler(*arguments)
