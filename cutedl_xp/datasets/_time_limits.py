"""Time limits for work that depends on another machine."""

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
    """Run some work in a thread, and abandon it with a TimeoutError if it makes no progress or takes too long.

    Time limits of the libraries do not suffice: they apply to each wait, and a slow server can send a byte at a time.

    Parameters
    ----------
    work
        Function to call. An abandoned call continues in a daemon thread until it returns.
    seconds
        Time in seconds within which ``progress`` must grow.
    otherwise
        Message of the error for work without progress.
    progress
        Function that returns a measure of the progress.
    total
        Time in seconds within which the work must end.
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
