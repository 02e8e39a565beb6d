"""Lengths of chunks."""

import time
from collections import deque
from collections.abc import Callable

_FIRST, _GROWTH = 1, 8


class Pace:
    """Choose the lengths of chunks, so that a training can be interrupted soon, and limit the chunks in flight.

    A device computes while the host prepares the next chunk. Before a chunk starts, all but the previous one must have
    ended. The time between two ends determines the length of the next chunks.

    Parameters
    ----------
    seconds
        Intended duration of a chunk, default 0.1, so that two chunks end within 0.2 seconds.
    clock
        Function that returns the time in seconds.
    """

    def __init__(self, seconds: float = 0.1, clock: Callable[[], float] = time.perf_counter) -> None:
        self._seconds, self._clock = seconds, clock
        self._in_flight: deque[tuple[Callable[[], None], int, float, bool]] = deque()
        self._late = 0  # chunks in flight that may end before the host waits for them
        self._last_end = 0.0
        self.length = _FIRST

    def before_chunk(self) -> float:
        """Wait until at most one chunk is in flight, or none if steps are slow, and return the time."""
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
            Number of steps of the chunk.
        begun
            Time that :meth:`before_chunk` returned.
        counts
            Whether the duration measures the speed; False if the chunk had to be compiled.
        """
        self._in_flight.append((wait, steps, begun, counts))

    def pause(self) -> None:
        """Note that other work follows: the chunks in flight may end long before the host waits for them."""
        self._late = len(self._in_flight)

    def _measured(self, steps: int, seconds: float, *, late: bool) -> None:
        """Choose the next length from the duration of a chunk, or from its upper bound if the chunk is late."""
        fitting = int(self._seconds * steps / max(seconds, 1e-9))
        longest = max(_GROWTH * steps, self.length)  # a short chunk at the end of an epoch must not reduce the length
        length = max(1, min(fitting, longest, _GROWTH * self.length))
        self.length = max(length, self.length) if late else length
