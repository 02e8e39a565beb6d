"""The part of the CUDA runtime that allocates, copies and identifies memory.

Each method replaces the function of the same name in ``cupy_backends.cuda.api.runtime``.
"""

import ctypes
from functools import partial
from typing import Any

from cupy_on_cpu import captures
from cupy_on_cpu.allocations import memory
from cupy_on_cpu.captures import Work, invalidate
from cupy_on_cpu.counting import counter
from cupy_on_cpu.errors import Unsupported
from cupy_on_cpu.streams import LEGACY, Stream, streams

_HOST_TO_DEVICE, _DEVICE_TO_HOST, _BY_ADDRESS = 1, 2, 4  # of cudaMemcpyKind
_HOST_END = {_HOST_TO_DEVICE: 1, _DEVICE_TO_HOST: 0}  # of (destination, source)
_HOST_MEMORY, _DEVICE_MEMORY = 1, 2  # of cudaMemoryType
_SIZE = 16 << 30


class DeviceMemory:
    """See the module."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def memGetInfo(self) -> tuple[int, int]:
        return _SIZE, _SIZE

    def malloc(self, size: int) -> int:
        return _allocate(size, on_device=True)

    def mallocAsync(self, size: int, stream: int) -> int:
        if streams.is_capturing(stream):
            raise Unsupported("mallocAsync during the capture of its stream is not emulated: use a pool of memory")
        return self.malloc(size)

    def hostAlloc(self, size: int, flags: int) -> int:
        return _allocate(size, on_device=False)

    def free(self, ptr: int) -> None:
        streams.refuse_unsafe_calls()
        streams.run_all()  # as cudaFree waits for the device
        memory.free(ptr)

    def freeAsync(self, ptr: int, stream: int) -> None:
        if streams.is_capturing(stream):
            raise Unsupported("freeAsync during the capture of its stream is not emulated: use a pool of memory")
        self.free(ptr)

    def freeHost(self, ptr: int) -> None:
        self.free(ptr)

    def memcpy(self, dst: int, src: int, size: int, kind: int) -> None:
        streams.refuse_unsafe_calls()
        self.memcpyAsync(dst, src, size, kind, LEGACY[0])

    def memcpyAsync(self, dst: int, src: int, size: int, kind: int, stream: int) -> None:
        waiting, kind = streams.enter(stream), _resolve(dst, src, kind)
        if waiting is not None and kind in _HOST_END and memory.find((dst, src)[_HOST_END[kind]]) is None:
            self._copy_pageable(waiting, dst, src, size, kind)
            return
        _count(kind, waiting)
        streams.do(waiting, Work("memcpy", partial(ctypes.memmove, dst, src, size), (dst, src)))

    def _copy_pageable(self, stream: Stream, dst: int, src: int, size: int, kind: int) -> None:
        """Copy from or to memory that is not pinned: the host may use it again as soon as the call returns."""
        if stream.capture is not None:
            raise invalidate(captures.UNSUPPORTED, stream.capture)
        _count(kind, stream)
        if kind == _HOST_TO_DEVICE:
            streams.put(stream, Work("memcpy", partial(ctypes.memmove, dst, ctypes.string_at(src, size), size)))
        else:
            streams.run_all_of(stream)
            ctypes.memmove(dst, src, size)

    def memset(self, ptr: int, value: int, size: int) -> None:
        self.memsetAsync(ptr, value, size, LEGACY[0])

    def memsetAsync(self, ptr: int, value: int, size: int, stream: int) -> None:
        waiting = streams.enter(stream)
        counter.asked("memset", None, captured=streams.is_captured(waiting))
        streams.do(waiting, Work("memset", partial(ctypes.memset, ptr, value, size), (ptr,)))

    def pointerGetAttributes(self, ptr: int) -> Any:
        on_device = memory.on_device(ptr)
        return self._module.PointerAttributes(0, ptr, 0 if on_device else ptr, self.pointerGetMemoryType(ptr))

    def pointerGetMemoryType(self, ptr: int) -> int:
        return _DEVICE_MEMORY if memory.on_device(ptr) else _HOST_MEMORY


def _allocate(size: int, *, on_device: bool) -> int:
    streams.refuse_unsafe_calls()
    allocation = memory.allocate(size, on_device=on_device)
    for capture in streams.captures:
        if capture.is_own():
            capture.hold(allocation.start)
    return allocation.start


def _resolve(dst: int, src: int, kind: int) -> int:
    """Return the kind of a copy, from the addresses if it is not specified."""
    if kind != _BY_ADDRESS:
        return kind
    ends = memory.on_device(src), memory.on_device(dst)
    return {(True, False): _DEVICE_TO_HOST, (False, True): _HOST_TO_DEVICE}.get(ends, _BY_ADDRESS)


def _count(kind: int, stream: Stream | None) -> None:
    counted = {_DEVICE_TO_HOST: "host_copies", _HOST_TO_DEVICE: "uploads"}.get(kind)
    counter.asked("memcpy", counted, captured=streams.is_captured(stream))
