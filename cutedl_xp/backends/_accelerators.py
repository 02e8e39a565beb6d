"""CuPy's reductions without the precompiled kernels of CUB."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_lock = Lock()
_open: list[object] = []  # one entry for each context that has not ended
_chosen: list[list[int]] = []  # the user's choice meanwhile


@contextmanager
def own_reductions(cupy: Any) -> Iterator[None]:
    """Return a context in which CuPy reduces with kernels that it writes itself.

    Captured and uncaptured steps then run the same kernels, and small reductions take less time on the host. The choice
    is one of the process: other threads have it too meanwhile.
    """
    core = cupy._core
    with _lock:
        if not _open:
            _chosen[:] = core.get_reduction_accelerators(), core.get_routine_accelerators()
            _choose(core, [], [])
        _open.append(core)
    try:
        yield
    finally:
        with _lock:
            _open.pop()
            if not _open:
                _choose(core, *_chosen)


def _choose(core: Any, reductions: list[int], routines: list[int]) -> None:
    core.set_reduction_accelerators(reductions)
    core.set_routine_accelerators(routines)
