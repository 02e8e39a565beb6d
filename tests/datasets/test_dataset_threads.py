"""A data set that threads of two backends share: each gets its own arrays, also after assignments of the other."""

import threading
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, get_backend

Moved = tuple[Any, ...] | None


class Shared(Dataset):
    """A data set whose arrays another thread replaces after each access."""

    others: Moved = None
    current: Moved = None

    @property  # type: ignore[override]
    def _moved(self) -> Moved:
        seen = self.current
        if self.others is not None:
            self.current = self.others
        return seen

    @_moved.setter
    def _moved(self, value: Moved) -> None:
        self.current = value


@pytest.mark.parametrize("first_call", [True, False])
def test_another_thread_moves_the_data_in_between(first_call: bool) -> None:
    here, there = get_backend("numpy"), get_backend("array_api_strict")
    data = Shared(np.ones((4, 2), "f4"), np.ones(4, "f4"))
    data.arrays_on(there, "float32")
    others = data.current
    if not first_call:
        data.arrays_on(here, "float32")
    data.others = others
    for array in data.arrays_on(here, "float32"):
        assert here.owns(array)


def test_threads_of_two_backends_get_their_own_arrays() -> None:
    data = Dataset(np.ones((4, 2), "f4"), np.ones(4, "f4"))
    backends = [get_backend("numpy"), get_backend("array_api_strict")]
    together, wrong = threading.Barrier(2), []

    def ask(backend: Backend) -> None:
        together.wait(30)
        for _ in range(300):
            wrong.extend(array for array in data.arrays_on(backend, "float32") if not backend.owns(array))

    threads = [threading.Thread(target=ask, args=(backend,)) for backend in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
