"""Large arrays in pieces, which several threads work on side by side."""

import contextlib
import functools
import os
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

SMALLEST_PIECE = 1_500_000
"""Entries of all arrays together. Handing a piece to a thread took 0.1 ms, in which a loop goes through nearly as many;
between matrix products, whose own threads are awake, it has to be more than that to pay."""


def in_pieces(work: Callable[..., None], arrays: Sequence[Any], *rest: Any) -> None:
    """Call ``work(*pieces, *rest)`` for pieces of arrays of shape (n,), large ones side by side.

    ``work`` lets other threads run meanwhile. No piece is worked on after the return, nor after an interrupt is raised.
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
        job.finish()  # again, as an interrupt may have ended the first call
    if job.errors:
        raise job.errors[0]


@functools.cache
def processors() -> int:
    """Return the number of threads to use: that of the available processors, or ``$OMP_NUM_THREADS`` if smaller."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        wanted = int(os.environ.get("OMP_NUM_THREADS", ""))
    except ValueError:
        return available
    return min(wanted, available) if wanted > 0 else available


class _Job:
    """Pieces of work that the calling thread shares with the helpers; a piece that no helper takes is the caller's.

    An interrupt can be raised between any two instructions of the main thread. Therefore, all progress is noted in
    lists that only helpers append to, and `finish` may be called again after an interrupt.
    """

    def __init__(self, pieces: Sequence[Callable[[], None]]) -> None:
        self._pieces = deque(pieces)
        self._begun: list[None] = []
        self._ended: list[None] = []
        self._news: SimpleQueue[None] = SimpleQueue()
        self.errors: list[BaseException] = []

    def help(self) -> None:
        """Work on pieces in a helper, and keep an error for the caller."""
        self._begun.append(None)  # before a piece is taken: `finish` then waits for this helper
        try:
            self.work()
        except BaseException as error:  # the helper has to stay alive
            self.errors.append(error)
        self._ended.append(None)
        self._news.put(None)

    def work(self) -> None:
        """Work on pieces until none is left."""
        while True:
            try:
                piece = self._pieces.popleft()
            except IndexError:
                return
            piece()

    def finish(self) -> None:
        """Drop the pieces that nobody has taken, and wait for the helpers that work on one."""
        self._pieces.clear()
        while len(self._begun) > len(self._ended):
            with contextlib.suppress(Empty):
                self._news.get(timeout=0.05)  # an interrupt may have lost the message


class _Helpers:
    """Threads of this process, started when a job first needs them.

    An executor of the standard library takes twice as long to hand a piece over.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._starting = Lock()
        self._count = 0

    def ask(self, job: _Job, count: int) -> None:
        """Hand a job to so many helpers, or to fewer if the system refuses to start a thread."""
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
    """Forget the threads of the parent process, which a forked one does not have."""
    global _helpers
    _helpers = _Helpers()


_helpers = _Helpers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_helpers)
