"""Random numbers of the package, drawn on the host with seeded NumPy Generators.

All backends use numbers from the host, so one seed gives the same weights, shuffles and dropout masks on all of them.
Independent uses of one seed have independent streams: another draw from one stream does not change the others.
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks
from cutedl_xp._typing import Shape


def check_seed(seed: Any) -> int:
    """Return ``seed`` as a Python int of at least 0."""
    return _checks.check_integer("seed", seed, at_least=0)


@dataclass(frozen=True)
class Draw:
    """Call of a method of a :class:`Stream` that draws numbers."""

    method: str
    arguments: tuple[Any, ...]


class Stream:
    """Reproducible sequence of random numbers, determined by a seed and a path of words and numbers.

    Parameters
    ----------
    seed
        Integer of at least 0.
    *path
        Purpose of the numbers, such as ``"weights", "/1-Dense/weight"``. Streams of one seed with different paths are
        independent of each other.
    """

    def __init__(self, seed: int, *path: str | int) -> None:
        words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in path]
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=words)))
        self._record: list[Draw] | None = None
        self._replay: Iterator[Any] | None = None

    def uniform(self, shape: Shape, low: float, high: float) -> NDArray[np.float64]:
        """Return uniformly distributed numbers in [low, high), float64."""
        return cast(NDArray[np.float64], self._next("uniform", low, high, shape))

    def normal(self, shape: Shape, deviation: float) -> NDArray[np.float64]:
        """Return normally distributed numbers with mean 0, float64."""
        return cast(NDArray[np.float64], self._next("normal", 0.0, deviation, shape))

    def keep_mask(self, shape: Shape, keep_probability: float) -> NDArray[np.bool_]:
        """Return booleans that are True with the probability ``keep_probability``."""
        return cast(NDArray[np.bool_], self._next("keep_mask", shape, keep_probability))

    def permutation(self, length: int) -> NDArray[np.int64]:
        """Return the numbers 0 to length - 1 in a random order."""
        return cast(NDArray[np.int64], self._next("permutation", length))

    def perform(self, draw: Draw) -> NDArray[Any]:
        """Return the next numbers for a draw."""
        if draw.method == "keep_mask":
            shape, keep_probability = draw.arguments
            return cast(NDArray[Any], self._generator.random(shape, dtype=np.float32) < keep_probability)
        return cast(NDArray[Any], getattr(self._generator, draw.method)(*draw.arguments))

    @contextmanager
    def recorded(self) -> Iterator[list[Draw]]:
        """Return a context that notes every draw in a list, and whose end resets the stream to its earlier state."""
        state, self._record = self.state, []
        try:
            yield self._record
        finally:
            self.state, self._record = state, None

    @contextmanager
    def replayed(self, numbers: Sequence[Any]) -> Iterator[None]:
        """Return a context in which draws return the given arrays, in their order."""
        self._replay = iter(numbers)
        try:
            yield
        finally:
            self._replay = None

    def _next(self, method: str, *arguments: Any) -> Any:
        if self._replay is not None:
            return next(self._replay)
        draw = Draw(method, arguments)
        if self._record is not None:
            self._record.append(draw)
        return self.perform(draw)

    @property
    def state(self) -> dict[str, Any]:
        """State of the stream as plain data; after an assignment the stream continues from the new state."""
        return dict(self._generator.bit_generator.state)

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state
