"""Lengths of chunks."""

import time
from collections import deque
from collections.abc import Callable

_FIRST, _GROWTH = 1, 8


class Pace:
    """Keep chunks short, so that a training can be interrupted, and few of them in flight.

    A device computes while the host prepares the next chunk. Before a chunk starts, all but the last one must have
    ended. The time between two ends decides how long the next chunks are.

    Parameters
    ----------
    seconds
        Duration of a chunk to aim at. Default: 0.1, so that two chunks end within 0.2 seconds.
    clock
        Function that returns the time in seconds.
    """

    def __init__(self, seconds: float = 0.1, clock: Callable[[], float] = time.perf_counter) -> None:
        self._seconds, self._clock = seconds, clock
        self._in_flight: deque[tuple[Callable[[], None], int, float, bool]] = deque()
        self._late = 0  # chunks in flight whose end nobody has waited for in time
        self._last_end = 0.0
        self.length = _FIRST

    def before_chunk(self) -> float:
        """Wait until at most one chunk is in flight, none if a step takes long, and return the time."""
        while len(self._in_flight) > (self.length > 1):
            wait, steps, begun, counts = self._in_flight.popleft()
            wait()
            ended = self._clock()
            late, self._late = self._late > 0, max(self._late - 1, 0)
            if counts:
                self._measured(steps, ended - (begun if late else max(begun, self._last_end)), late=late)
            if not late:
                self._last_end = ended
        return self._clock()

    def after_chunk(self, wait: Callable[[], None], steps: int, begun: float, *, counts: bool) -> None:
        """Note a chunk that has been started.

        Parameters
        ----------
        wait
            Function that returns when the chunk has ended.
        steps
            Number of its steps.
        begun
            Time that :meth:`before_chunk` returned.
        counts
            Whether its duration tells the speed; it does not where the chunk was compiled first.
        """
        self._in_flight.append((wait, steps, begun, counts))

    def pause(self) -> None:
        """Note that something else follows: the chunks in flight may end long before somebody waits for them."""
        self._late = len(self._in_flight)

    def _measured(self, steps: int, seconds: float, *, late: bool) -> None:
        """Choose the next length from the duration of a chunk, or from a limit of it if the chunk is late."""
        fitting = int(self._seconds * steps / max(seconds, 1e-9))
        longest = max(_GROWTH * steps, self.length)  # a short chunk at the end of an epoch is no reason to shrink
        length = max(1, min(fitting, longest, _GROWTH * self.length))
        self.length = max(length, self.length) if late else length
