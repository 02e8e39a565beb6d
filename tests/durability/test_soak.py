"""A long training of a tiny model, whose memory does not grow."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import Event
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Adam

_STATM = Path("/proc/self/statm")
_PAGE = 4096
_MOST_GROWTH = 1_000_000  # bytes


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(_STATM.read_text().split()[1]) * _PAGE


@pytest.mark.skipif(not _STATM.exists(), reason="only Linux tells the memory of a process so")
def test_memory_does_not_grow(
    backend: Backend, number_of: Callable[[int, int], int], record_property: Callable[..., None]
) -> None:
    """Make one entry of the history and one measurement for each hundredth of the steps."""
    x = np.linspace(-1.0, 1.0, 1000, dtype="float32").reshape(1000, 1)
    train = Dataset(x, 2.0 * x, batch_size=10)
    model = Model([Dense(1, input_dim=1, activation="linear")]).assemble(backend, "float32")
    session = Session(model, loss=Mse(), optimizer=Adam(lr=1e-3))
    steps = number_of(30_000, 10_000_000)
    seen: list[tuple[float, int]] = []

    class Measure:
        """A listener that records the time and the memory."""

        events, every_steps = ("step_end",), steps // 100

        def __call__(self, event: Event) -> None:
            if event.name == "step_end":
                seen.append((time.perf_counter() - begun, resident()))

    begun = time.perf_counter()
    history = session.fit(train, steps // 100, train, val_steps=steps // 100, val_batches=10, listeners=[Measure()])
    from_minute = [memory for seconds, memory in seen if seconds > 60.0]
    after = from_minute if number_of(0, 1) else [memory for _, memory in seen[20:]]
    growth = after[-1] - after[0]
    record_property("figures", {"steps": session.step, "seconds": round(seen[-1][0]), "bytes_grown": growth})
    assert (session.step, len(history)) == (steps, 100)
    assert growth < _MOST_GROWTH
