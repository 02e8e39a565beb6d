"""SIGTERM, which batch systems send, does what Ctrl-C does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # exit code of a program that Ctrl-C ended


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Within the block, let SIGTERM act as Ctrl-C, unless somebody else handles SIGTERM."""
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
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start a program in the background
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)
