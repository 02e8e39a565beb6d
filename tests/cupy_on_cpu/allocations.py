"""Memory of the emulated device and pinned memory of the host, which are on the same heap.

Memory that a graph refers to stays reserved after it is freed, filled with NaN, until the last such graph ends: the
graph can then report the error, and code that reads such memory by mistake reads NaN.
"""

import bisect
import ctypes
from collections.abc import Iterable
from dataclasses import dataclass

_ALIGNMENT = 512
_OF_NAN = 0xFF  # every floating-point number of such bytes is NaN

_c = ctypes.CDLL(None)
_c.aligned_alloc.restype, _c.aligned_alloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]
_c.free.restype, _c.free.argtypes = None, [ctypes.c_void_p]


@dataclass(eq=False)
class Allocation:
    """A piece of memory from its allocation to its release."""

    start: int
    size: int
    on_device: bool
    holders: int = 0  # captures and graphs that refer to it
    freed: bool = False


class Memory:
    """All allocations."""

    def __init__(self) -> None:
        self._starts: list[int] = []  # in order
        self._allocations: dict[int, Allocation] = {}

    def allocate(self, size: int, *, on_device: bool) -> Allocation:
        """Allocate memory and return its address."""
        rounded = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT
        address = _c.aligned_alloc(_ALIGNMENT, rounded)
        if not address:
            raise MemoryError(f"no {size} bytes for the emulated device")
        made = self._allocations[address] = Allocation(address, size, on_device)
        bisect.insort(self._starts, address)
        return made

    def free(self, address: int) -> None:
        """End an allocation; queued work of streams must not use it any more."""
        allocation = self._allocations.pop(address, None)
        if allocation is None:
            return
        self._starts.remove(address)
        allocation.freed = True
        if allocation.holders:
            ctypes.memset(address, _OF_NAN, allocation.size)
        else:
            _c.free(address)

    def find(self, address: int) -> Allocation | None:
        """Return the allocation that contains an address, or None."""
        before = bisect.bisect_right(self._starts, address)
        if not before:
            return None
        allocation = self._allocations[self._starts[before - 1]]
        return allocation if address < allocation.start + allocation.size else None

    def on_device(self, address: int) -> bool:
        """Return whether an address is in the device's memory."""
        allocation = self.find(address)
        return allocation is not None and allocation.on_device

    def hold(self, addresses: Iterable[int]) -> list[Allocation]:
        """Reserve the allocations that contain one of the numbers as an address, and return them."""
        found = {id(each): each for address in addresses if (each := self.find(address)) is not None}
        return self.hold_again(found.values())

    def hold_again(self, allocations: Iterable[Allocation]) -> list[Allocation]:
        """Reserve allocations again, including those that were freed in the meantime, and return them."""
        held = list(allocations)
        for each in held:
            each.holders += 1
        return held

    def release(self, allocations: Iterable[Allocation]) -> None:
        """Undo :meth:`hold`."""
        for each in allocations:
            each.holders -= 1
            if each.freed and not each.holders:
                _c.free(each.start)


memory = Memory()
