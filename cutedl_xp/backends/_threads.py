"""One piece of a large array for each processor."""

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

_SMALLEST_PIECE = 2_000_000
"""Entries of all arrays together. Waking a thread took 0.02 to 0.2 ms, in which a loop goes through about as many."""


def in_pieces(work: Callable[..., None], arrays: Sequence[Any], *rest: Any) -> None:
    """Call ``work(*pieces, *rest)`` for pieces of arrays of shape (n,), large ones side by side.

    ``work`` lets other threads run meanwhile. One piece is the calling thread's.
    """
    size = arrays[0].size
    count = min(len(arrays) * size // _SMALLEST_PIECE, processors())
    if count < 2:
        work(*arrays, *rest)
        return
    length = -(-size // count)
    pieces = [[array[start : start + length] for array in arrays] for start in range(0, size, length)]
    others = [_pool(os.getpid()).submit(work, *piece, *rest) for piece in pieces[1:]]
    try:
        work(*pieces[0], *rest)
    finally:
        wait(others)
    for other in others:
        other.result()


@functools.cache
def processors() -> int:
    """How many this process may use: ``$OMP_NUM_THREADS``, else those that the system lets it run on."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of a process: one that was forked has none of its parent's."""
    return ThreadPoolExecutor(max(processors() - 1, 1), thread_name_prefix="cutedl_xp")
