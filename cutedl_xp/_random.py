"""All randomness of the package, drawn on the host with seeded NumPy Generators.

The numbers come from the host on every backend, so one seed gives the same weights, shuffles and dropout masks
on all of them. Independent uses of one seed draw from streams of their own: adding a draw to one changes no other.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks
from cutedl_xp._typing import Shape


def check_seed(seed: Any) -> int:
    """``seed`` as a Python int of at least 0."""
    return _checks.check_integer("seed", seed, at_least=0)


class Stream:
    """A reproducible sequence of random numbers, named by a seed and a path of words and numbers.

    Parameters
    ----------
    seed
        An integer of at least 0.
    *path
        What the numbers are for, such as ``"weights", "/1-Dense/weight"``. Streams of one seed with different
        paths are independent of each other.
    """

    def __init__(self, seed: int, *path: str | int) -> None:
        words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in path]
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=words)))

    def uniform(self, shape: Shape, low: float, high: float) -> NDArray[np.float64]:
        """Numbers spread evenly over [low, high), float64."""
        return self._generator.uniform(low, high, shape)

    def normal(self, shape: Shape, deviation: float) -> NDArray[np.float64]:
        """Numbers normally distributed around 0, float64."""
        return self._generator.normal(0.0, deviation, shape)

    def keep_mask(self, shape: Shape, keep_probability: float) -> NDArray[np.bool_]:
        """True with probability ``keep_probability``, entry by entry."""
        return self._generator.random(shape, dtype=np.float32) < keep_probability

    def permutation(self, length: int) -> NDArray[np.int64]:
        """The numbers 0 to length - 1 in a random order."""
        return self._generator.permutation(length)

    @property
    def state(self) -> dict[str, Any]:
        """Where the stream stands, as plain data; assigning it makes the stream go on from there."""
        return dict(self._generator.bit_generator.state)

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state
