"""What a contender hands over to be timed."""

from collections.abc import Callable
from dataclasses import dataclass


class CannotExpressError(Exception):
    """The contender has no such thing; the message says what it lacks."""


@dataclass(frozen=True)
class Work:
    """Something to repeat.

    Attributes
    ----------
    run
        Does it, and returns when it is done.
    steps
        How many training steps or updates are made in one call.
    """

    run: Callable[[], object]
    steps: int = 1
