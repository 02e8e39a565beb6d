"""The CUDA runtime of a machine with one GPU, played by the host: its memory is the host's, and nothing is put off.

A method stands for the function of its name in ``cupy_backends.cuda.api.runtime``.
"""

import bisect
import ctypes
from collections.abc import Callable
from typing import Any

from cupy_on_cpu.counting import counter
from cupy_on_cpu.errors import Unsupported

WORKS_AS_IT_IS = frozenset({"_is_hip_environment", "check_status", "runtimeGetVersion", "_getCUDAMajorVersion"})
"""What needs no driver."""

MULTIPROCESSORS = 132
_MEMORY = 16 << 30
_DRIVER_VERSION = 13_020
_ALIGNMENT = 512
_ATTRIBUTES = {
    75: 9,
    76: 0,
    1: 1024,
    16: MULTIPROCESSORS,
    10: 32,
    8: 48 << 10,
    12: 1 << 16,
    39: 2048,
    97: 227 << 10,
    81: 228 << 10,
}
"""By the numbers of cudaDeviceAttr, as an H100 has them: compute capability 9.0, 1024 threads a block, ..."""

_HOST_TO_DEVICE, _DEVICE_TO_HOST, _BY_ADDRESS = 1, 2, 4  # of cudaMemcpyKind
_HOST_MEMORY, _DEVICE_MEMORY = 1, 2  # of cudaMemoryType
_STREAM, _EVENT = 7, 9  # all streams are one, and an event is over when it is recorded
_DONE_WHEN_ASKED_FOR = (
    "setDevice", "_ensure_context", "profilerStart", "profilerStop",
    "streamQuery", "streamDestroy", "streamWaitEvent", "eventDestroy", "eventRecord", "eventQuery",
    "hostRegister", "hostUnregister",
)  # fmt: skip
_WAITING = ("deviceSynchronize", "streamSynchronize", "eventSynchronize")

_c = ctypes.CDLL(None)
_c.aligned_alloc.restype, _c.aligned_alloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]
_c.free.restype, _c.free.argtypes = None, [ctypes.c_void_p]


class Runtime:
    """See the module; ``answers`` has all functions by their names."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._starts: list[int] = []  # of the device's memory, in order
        self._ends: dict[int, int] = {}

    def answers(self) -> dict[str, Callable[..., Any]]:
        """Every function that is played, by its name."""
        own = {name: getattr(self, name) for name in vars(Runtime) if name[0] != "_" and name != "answers"}
        return own | dict.fromkeys(_DONE_WHEN_ASKED_FOR, _nothing) | dict.fromkeys(_WAITING, _synchronize)

    def getDeviceCount(self) -> int:
        return 1

    def getDevice(self) -> int:
        return 0

    def deviceGetAttribute(self, attribute: int, device: int) -> int:
        if attribute not in _ATTRIBUTES:
            raise Unsupported(f"the device attribute {attribute} of CUDA is not known to the emulator")
        return _ATTRIBUTES[attribute]

    def getDeviceProperties(self, device: int) -> dict[str, Any]:
        return {
            "name": b"emulated on the CPU",
            "major": 9,
            "minor": 0,
            "warpSize": 32,
            "multiProcessorCount": MULTIPROCESSORS,
            "maxThreadsPerBlock": 1024,
            "totalGlobalMem": _MEMORY,
        }

    def deviceGetPCIBusId(self, device: int) -> str:
        return "0000:00:00.0"

    def deviceCanAccessPeer(self, device: int, peer: int) -> int:
        return 0

    def driverGetVersion(self) -> int:
        return _DRIVER_VERSION

    def memGetInfo(self) -> tuple[int, int]:
        return _MEMORY, _MEMORY

    def malloc(self, size: int) -> int:
        address = self.hostAlloc(size, 0)
        bisect.insort(self._starts, address)
        self._ends[address] = address + size
        return address

    def mallocAsync(self, size: int, stream: int) -> int:
        return self.malloc(size)

    def hostAlloc(self, size: int, flags: int) -> int:
        rounded = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT
        address = _c.aligned_alloc(_ALIGNMENT, rounded)
        if not address:
            raise MemoryError(f"no {size} bytes for the emulated device")
        return int(address)

    def free(self, ptr: int) -> None:
        if self._ends.pop(ptr, None) is not None:
            self._starts.remove(ptr)
        _c.free(ptr)

    def freeAsync(self, ptr: int, stream: int) -> None:
        self.free(ptr)

    def freeHost(self, ptr: int) -> None:
        _c.free(ptr)

    def _on_device(self, address: int) -> bool:
        before = bisect.bisect_right(self._starts, address)
        return before > 0 and address < self._ends[self._starts[before - 1]]

    def memcpy(self, dst: int, src: int, size: int, kind: int) -> None:
        if kind == _BY_ADDRESS:
            ends = self._on_device(src), self._on_device(dst)
            kind = {(True, False): _DEVICE_TO_HOST, (False, True): _HOST_TO_DEVICE}.get(ends, _BY_ADDRESS)
        counter.counts.host_copies += kind == _DEVICE_TO_HOST
        counter.counts.uploads += kind == _HOST_TO_DEVICE
        ctypes.memmove(dst, src, size)

    def memcpyAsync(self, dst: int, src: int, size: int, kind: int, stream: int) -> None:
        self.memcpy(dst, src, size, kind)

    def memset(self, ptr: int, value: int, size: int) -> None:
        ctypes.memset(ptr, value, size)

    def memsetAsync(self, ptr: int, value: int, size: int, stream: int) -> None:
        ctypes.memset(ptr, value, size)

    def pointerGetAttributes(self, ptr: int) -> Any:
        on_device = self._on_device(ptr)
        return self._module.PointerAttributes(0, ptr, 0 if on_device else ptr, self.pointerGetMemoryType(ptr))

    def pointerGetMemoryType(self, ptr: int) -> int:
        return _DEVICE_MEMORY if self._on_device(ptr) else _HOST_MEMORY

    def streamCreate(self) -> int:
        return _STREAM

    def streamCreateWithFlags(self, flags: int) -> int:
        return _STREAM

    def streamCreateWithPriority(self, flags: int, priority: int) -> int:
        return _STREAM

    def streamIsCapturing(self, stream: int) -> int:
        return 0

    def eventCreate(self) -> int:
        return _EVENT

    def eventCreateWithFlags(self, flags: int) -> int:
        return _EVENT

    def eventElapsedTime(self, start: int, end: int) -> float:
        raise Unsupported("events measure no time here: emulation says nothing about speed")


def _nothing(*_: Any, **__: Any) -> None:
    """What is done when it is asked for needs no waiting, recording or freeing."""


def _synchronize(*_: Any) -> None:
    counter.counts.synchronizations += 1
