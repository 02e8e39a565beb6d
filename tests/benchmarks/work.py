"""Work of a contender that is timed."""

from collections.abc import Callable
from dataclasses import dataclass


class CannotExpressError(Exception):
    """The contender does not support a task; the message gives the reason."""


@dataclass(frozen=True)
class Work:
    """Work that is repeated.

    Attributes
    ----------
    run
        Function that does the work, and waits for its end.
    steps
        Number of training steps or updates in one call.
    """

    run: Callable[[], object]
    steps: int = 1
