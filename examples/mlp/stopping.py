"""What Ctrl-C does outside a training; SIGTERM, which batch systems send, does the same."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # the exit code of a program that Ctrl-C ended


def quit_silently() -> None:
    """From now on Ctrl-C ends the program at once, with no traceback: for the time before it has anything to keep."""
    if _is_pythons_own():
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


def interrupt_as_usual() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt again, and so does SIGTERM, which else leaves no time for results."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as nohup and the like leave it
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@contextmanager
def held() -> Iterator[None]:
    """Within the block the first Ctrl-C waits for its end, so that what is being written is written."""
    if not _is_pythons_own():  # whoever handles it does not raise
        yield
        return
    noted = False

    def note(*_: object) -> None:
        nonlocal noted
        noted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if noted:
        raise KeyboardInterrupt


@contextmanager
def kept_from_children() -> Iterator[None]:
    """A process started within the block does not see Ctrl-C, from its first instruction on; this one, after it.

    Such a process then calls ``leave_to_parent``.
    """
    if hasattr(signal, "pthread_sigmask"):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows has no mask: what comes now is lost
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def leave_to_parent() -> None:
    """In a process started within ``kept_from_children``: its parent decides what Ctrl-C does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})


def _is_pythons_own() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler
