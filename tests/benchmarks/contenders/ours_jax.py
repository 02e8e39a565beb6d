"""cutedl_xp on JAX: the same ``Session.fit`` as on NumPy."""

from collections.abc import Sequence

from benchmarks.contenders import ours
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return epochs of ``Session.fit``, which waits for the device to write its history."""
    return ours.step(widths, batch_size, backend="jax")
