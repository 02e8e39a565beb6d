"""Copies of a kernel's arguments, for a queued launch."""

import ctypes
import struct
from collections.abc import Sequence


class Arguments:
    """Copies of the arguments of a launch, made when the launch was requested."""

    def __init__(self, parameters: int, sizes: Sequence[int]) -> None:
        addresses = (ctypes.c_void_p * len(sizes)).from_address(parameters) if sizes else ()
        self._values = [
            ctypes.create_string_buffer(ctypes.string_at(address, size), size)
            for address, size in zip(addresses, sizes, strict=True)
        ]
        self._addresses = (ctypes.c_void_p * max(1, len(sizes)))(*map(ctypes.addressof, self._values))
        self.parameters = ctypes.addressof(self._addresses)

    def words(self) -> tuple[int, ...]:
        """Return all possible addresses: every eight bytes of the arguments."""
        return tuple(word for value in self._values for word in struct.unpack_from(f"{len(value) // 8}Q", value.raw))
