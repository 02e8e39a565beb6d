"""IDX files for tests, and the errors of reading them."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cutedl_xp.datasets import _idx

SMALL = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)


def idx(array: NDArray[np.uint8]) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def header(*shape: int) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)


def flipped(content: bytes, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def refusal(path: Path, ndim: int) -> str:
    """Return the error message of reading the file, without the path at its beginning."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is what the tests look at
        _idx.read(path, ndim)
    assert type(caught.value) is ValueError
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert "\n" not in message
    return message.removeprefix(f"{path} ")


def refusal_within(memory: int, path: Path, ndim: int) -> str:
    """Return the error message, after a check that reading takes at most the given bytes of memory."""
    tracemalloc.start()
    try:
        message = refusal(path, ndim)
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()
    return message
