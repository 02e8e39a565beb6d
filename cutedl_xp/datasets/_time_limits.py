"""Time limits for work that waits for another machine."""

import math
import threading
import time
from collections.abc import Callable


def in_time(
    work: Callable[[], None],
    seconds: float,
    otherwise: str,
    *,
    progress: Callable[[], int] = lambda: 0,
    total: float = math.inf,
) -> None:
    """Do some work in a thread, and abandon it with a TimeoutError if it stands still or takes too long.

    Time limits of the libraries apply to each wait for the server, which may send a single byte each time.

    Parameters
    ----------
    work
        Function to call. After it was abandoned it goes on in a daemon thread until it ends.
    seconds
        Time within which ``progress`` must grow.
    otherwise
        Message of the error if it does not.
    progress
        Function that returns how far the work is.
    total
        Time within which the work must end.
    """
    failures: list[Exception] = []

    def attempt() -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    done, end = progress(), time.monotonic() + total
    while thread.is_alive():
        left = end - time.monotonic()
        thread.join(max(0.0, min(seconds, left)))
        before, done = done, progress()
        if thread.is_alive() and left <= seconds:
            raise TimeoutError(None, f"it is not done after {total:g} seconds")
        if thread.is_alive() and done == before:
            raise TimeoutError(None, otherwise)
    if failures:
        raise failures[0]
