"""Ctrl-C that waits for the end of a step."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether Ctrl-C was pressed."""

    def __init__(self, stop: Callable[[str], None]) -> None:
        self.requested = False
        self._stop = stop

    def request(self, signal_number: int, frame: FrameType | None) -> None:
        """Note the first Ctrl-C; from the second on it acts at once."""
        self.requested = True
        self._stop("interrupted")
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Within the block, put Ctrl-C off to the end of the block, so that what it does is done whole."""
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
        if received:
            handler(*received[-1])


@contextmanager
def deferred_interrupt(stop: Callable[[str], None]) -> Iterator[Interrupt]:
    """Within the block the first Ctrl-C is only noted, and ``stop`` called with a word that says so.

    Where Python's own handler is not in charge (in other threads, or where the caller has set another), nothing
    changes and nothing is noted.
    """
    interrupt = Interrupt(stop)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupt
        return
    signal.signal(signal.SIGINT, interrupt.request)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
