"""Memory of the emulated device and pinned memory of the host, which lie on the same heap.

Memory that a graph refers to stays reserved after it is freed, filled with NaN, until the last such graph ends: the
graph can then say what is wrong, and whoever reads such memory by mistake reads NaN.
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
    """A piece of memory from its allocation to its end."""

    start: int
    size: int
    on_device: bool
    holders: int = 0  # captures and graphs that refer to it
    freed: bool = False


class Memory:
    """All that is allocated."""

    def __init__(self) -> None:
        self._starts: list[int] = []  # in order
        self._allocations: dict[int, Allocation] = {}

    def allocate(self, size: int, *, on_device: bool) -> Allocation:
        """Return new memory."""
        rounded = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT
        address = _c.aligned_alloc(_ALIGNMENT, rounded)
        if not address:
            raise MemoryError(f"no {size} bytes for the emulated device")
        made = self._allocations[address] = Allocation(address, size, on_device)
        bisect.insort(self._starts, address)
        return made

    def free(self, address: int) -> None:
        """End an allocation; nothing that waits in a stream may use it any more."""
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
        """Return the allocation that an address lies in, or None."""
        before = bisect.bisect_right(self._starts, address)
        if not before:
            return None
        allocation = self._allocations[self._starts[before - 1]]
        return allocation if address < allocation.start + allocation.size else None

    def on_device(self, address: int) -> bool:
        """Return whether an address lies in the device's memory."""
        allocation = self.find(address)
        return allocation is not None and allocation.on_device

    def hold(self, addresses: Iterable[int]) -> list[Allocation]:
        """Reserve every allocation that one of the numbers is an address in, and return them."""
        found = {id(each): each for address in addresses if (each := self.find(address)) is not None}
        return self.hold_again(found.values())

    def hold_again(self, allocations: Iterable[Allocation]) -> list[Allocation]:
        """Reserve allocations once more, also those that have been freed since, and return them."""
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
