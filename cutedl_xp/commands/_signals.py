"""SIGTERM, which batch systems send, with the effect of Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # exit code of a program that Ctrl-C ended


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Return a context in which SIGTERM has the effect of Ctrl-C, unless SIGTERM has another handler."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # shells start background programs with this handler
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)
