"""Captures of CUDA streams, one at a time, and the release of CUDA's objects outside of captures."""

import gc
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

_capture = Lock()
_waiting: deque[Callable[[], None]] = deque()


@contextmanager
def capture_alone() -> Iterator[None]:
    """Return a context in which no other stream is captured, and no object of CUDA is released.

    Destroying a graph, a stream or a handle while a stream is captured invalidates the capture, so garbage collection
    is off as well.
    """
    gc.collect()  # returns arrays in cycles to their pools, so that the step finds the same free memory as before
    with _capture:
        collects = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collects:
                gc.enable()
    _release_waiting()


def release_outside_captures(release: Callable[[], None]) -> None:
    """Call a function now, or at the end of the capture that is in progress."""
    _waiting.append(release)
    _release_waiting()


def _release_waiting() -> None:
    """Call the waiting functions; a nested call leaves them to the outer one."""
    while _waiting and _capture.acquire(blocking=False):
        try:
            release = _waiting.popleft() if _waiting else None
            if release is not None:
                release()
        finally:
            _capture.release()
