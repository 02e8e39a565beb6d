"""Inputs of a chunk of steps on a CUDA device, in one piece of memory, with one upload for each chunk."""

from itertools import accumulate
from math import inf
from typing import Any

import numpy as np

from cutedl_xp.backends._steps import Tree, fill, flatten

_ALIGNMENT = 256
_COUNTER = np.zeros((), np.int64)


class Inputs:
    """Inputs at fixed addresses, and the number of the step, which an upload sets to 0.

    Parameters
    ----------
    cupy
        CuPy. The memory comes from the current device and allocator.
    inputs
        NumPy arrays of the shapes and dtypes of every chunk, with one row for each step.

    Attributes
    ----------
    counter
        Number of the step in its chunk, a 0-d integer array.
    arrays
        Inputs on the device.
    """

    def __init__(self, cupy: Any, inputs: Tree) -> None:
        leaves = _leaves(inputs)
        sizes = [-(-leaf.nbytes // _ALIGNMENT) * _ALIGNMENT for leaf in leaves]
        self._starts, self._size = list(accumulate([0, *sizes[:-1]])), sum(sizes)
        self._capacity = min((leaf.shape[0] for leaf in leaves[1:] if leaf.ndim), default=inf)
        self._device = cupy.cuda.alloc(self._size)
        self.counter, *arrays = (
            cupy.ndarray(leaf.shape, leaf.dtype, self._device + start)
            for leaf, start in zip(leaves, self._starts, strict=True)
        )
        self.arrays: Tree = fill(inputs, arrays)
        # The device may still read one of the two while the next chunk is written to the other
        self._pinned = [_Pinned(cupy, self._size) for _ in range(2)]

    def upload(self, inputs: Tree, count: int, stream: Any) -> None:
        """Replace the inputs in the order of a stream, for a chunk of ``count`` steps."""
        if count > self._capacity:
            raise ValueError(f"a chunk of {count} steps needs a row of each input for every step; got {self._capacity}")
        self._pinned.reverse()
        pinned = self._pinned[0]
        pinned.read.synchronize()
        for leaf, start in zip(_leaves(inputs), self._starts, strict=True):
            pinned.bytes[start : start + leaf.nbytes] = np.ascontiguousarray(leaf).reshape(-1).view(np.uint8)
        self._device.copy_from_host_async(pinned.memory.ptr, self._size, stream)
        pinned.read.record(stream)


def _leaves(inputs: Tree) -> list[Any]:
    """Return the initial value of the counter and the inputs, in their order in memory."""
    return [_COUNTER, *flatten(inputs)]


class _Pinned:
    """Pinned memory of the host, and an event after which the device has read it."""

    def __init__(self, cupy: Any, size: int) -> None:
        self.memory = cupy.cuda.alloc_pinned_memory(size)
        self.bytes = np.frombuffer(self.memory, np.uint8, size)
        self.read = cupy.cuda.Event(block=True, disable_timing=True)
