"""One piece of a large array for each processor."""

import functools
import os
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

_Work: TypeAlias = Callable[[], None]
_Done: TypeAlias = SimpleQueue[BaseException | None]
_Waiting: TypeAlias = SimpleQueue[tuple[_Work, _Done]]

SMALLEST_PIECE = 1_500_000
"""Entries of all arrays together. Handing a piece to a thread took 0.1 ms, in which a loop goes through nearly as many;
between matrix products, whose own threads are awake, it has to be more than that to pay."""


def in_pieces(work: Callable[..., None], arrays: Sequence[Any], *rest: Any) -> None:
    """Call ``work(*pieces, *rest)`` for pieces of arrays of shape (n,), large ones side by side.

    ``work`` lets other threads run meanwhile. One piece is the calling thread's.
    """
    size = arrays[0].size
    count = min(len(arrays) * size // SMALLEST_PIECE, processors())
    if count < 2:
        work(*arrays, *rest)
        return
    length = -(-size // count)
    first, *others = [[array[start : start + length] for array in arrays] for start in range(0, size, length)]
    waiting, done, handed_over = _helpers(os.getpid()), _Done(), 0
    try:
        for piece in others:
            waiting.put((functools.partial(work, *piece, *rest), done))
            handed_over += 1
        work(*first, *rest)
    finally:
        errors = [done.get() for _ in range(handed_over)]
    for error in filter(None, errors):
        raise error


@functools.cache
def processors() -> int:
    """How many this process may use: ``$OMP_NUM_THREADS``, else those that the system lets it run on."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _helpers(process: int) -> _Waiting:
    """What the threads of a process take their work from; one that was forked has none of its parent's.

    An executor of the standard library takes twice as long to hand a piece over.
    """
    waiting = _Waiting()
    for number in range(1, processors()):
        Thread(target=_help, args=(waiting,), name=f"cutedl_xp-{number}", daemon=True).start()
    return waiting


def _help(waiting: _Waiting) -> None:
    while True:
        work, done = waiting.get()
        try:
            work()
        except BaseException as error:  # whoever waits for it would else wait for ever
            done.put(error)
        else:
            done.put(None)
        del work  # else its arrays would live until the next piece comes
