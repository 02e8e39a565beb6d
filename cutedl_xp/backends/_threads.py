"""Computations on pieces of large arrays in several threads."""

import contextlib
import functools
import os
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

SMALLEST_PIECE = 1_500_000
"""Least number of entries of all arrays together in a piece. Handing a piece to a thread took 0.1 ms, in which a loop
processes nearly as many entries; between matrix products, whose own threads are active, a piece must be larger to gain
time."""


def in_pieces(work: Callable[..., None], arrays: Sequence[Any], *rest: Any) -> None:
    """Call ``work(*pieces, *rest)`` for pieces of arrays of shape (n,), in several threads for large arrays.

    ``work`` releases the global interpreter lock. No piece is processed after the return or after an interrupt.
    """
    size = arrays[0].size
    count = min(len(arrays) * size // SMALLEST_PIECE, processors())
    if count < 2:
        work(*arrays, *rest)
        return
    length = -(-size // count)
    pieces = [[array[start : start + length] for array in arrays] for start in range(0, size, length)]
    job = _Job([functools.partial(work, *piece, *rest) for piece in pieces])
    try:
        try:
            _helpers.ask(job, len(pieces) - 1)
            job.work()
        finally:
            job.finish()
    finally:
        job.finish()  # again, because an interrupt may have ended the first call
    if job.errors:
        raise job.errors[0]


@functools.cache
def processors() -> int:
    """Return the number of threads to use: the available processors, or ``$OMP_NUM_THREADS`` if it is smaller."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        wanted = int(os.environ.get("OMP_NUM_THREADS", ""))
    except ValueError:
        return available
    return min(wanted, available) if wanted > 0 else available


class _Job:
    """Pieces of work for the helpers and the calling thread, which processes all pieces that no helper takes.

    An interrupt can be raised between any two instructions of the main thread. Therefore, all progress is recorded in
    lists that only helpers append to, and `finish` may be called again after an interrupt.
    """

    def __init__(self, pieces: Sequence[Callable[[], None]]) -> None:
        self._pieces = deque(pieces)
        self._begun: list[None] = []
        self._ended: list[None] = []
        self._news: SimpleQueue[None] = SimpleQueue()
        self.errors: list[BaseException] = []

    def help(self) -> None:
        """Process pieces in a helper, and keep an error for the caller."""
        self._begun.append(None)  # before a piece is taken: `finish` then waits for this helper
        try:
            self.work()
        except BaseException as error:  # an error must not end the helper
            self.errors.append(error)
        self._ended.append(None)
        self._news.put(None)

    def work(self) -> None:
        """Process pieces until none is left."""
        while True:
            try:
                piece = self._pieces.popleft()
            except IndexError:
                return
            piece()

    def finish(self) -> None:
        """Drop the pieces that no thread has taken, and wait for the helpers that process a piece."""
        self._pieces.clear()
        while len(self._begun) > len(self._ended):
            with contextlib.suppress(Empty):
                self._news.get(timeout=0.05)  # an interrupt may have lost the message


class _Helpers:
    """Threads of this process, started when a job first needs them.

    An executor of the standard library takes twice as long to start a piece.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._starting = Lock()
        self._count = 0

    def ask(self, job: _Job, count: int) -> None:
        """Give a job to ``count`` helpers, or to fewer if the system refuses to start a thread."""
        if self._count < count:
            with self._starting, contextlib.suppress(RuntimeError):
                while self._count < count:
                    name = f"cutedl_xp-{self._count + 1}"
                    Thread(target=self._run, name=name, daemon=True).start()
                    self._count += 1
        for _ in range(min(count, self._count)):
            self._jobs.put(job)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            job.help()
            del job  # a thread that waits must not keep the arrays of its last job


def _replace_helpers() -> None:
    """Replace the helpers in a forked process, which does not have the threads of its parent."""
    global _helpers
    _helpers = _Helpers()


_helpers = _Helpers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_helpers)
