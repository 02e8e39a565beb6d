"""An emulated CUDA runtime with one GPU, whose memory is the memory of the host.

Each method replaces the function of the same name in ``cupy_backends.cuda.api.runtime``.
"""

from collections.abc import Callable
from typing import Any

from cupy_on_cpu.captures import NOT_READY
from cupy_on_cpu.counting import counter
from cupy_on_cpu.device_memory import DeviceMemory
from cupy_on_cpu.errors import Unsupported
from cupy_on_cpu.events import Events
from cupy_on_cpu.graphs import Graphs
from cupy_on_cpu.streams import LEGACY, streams

WORKS_AS_IT_IS = frozenset({"_is_hip_environment", "check_status", "runtimeGetVersion", "_getCUDAMajorVersion"})
"""Functions that need no driver."""

MULTIPROCESSORS = 132
_MEMORY = 16 << 30
_DRIVER_VERSION = 13_020
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
"""Values by the numbers of cudaDeviceAttr, from an H100: compute capability 9.0, 1024 threads per block, ..."""

_NON_BLOCKING = 1  # of the flags of streams
_RELAXED = 2  # of cudaStreamCaptureMode
_DONE_WHEN_ASKED_FOR = (
    "setDevice", "_ensure_context", "profilerStart", "profilerStop", "hostRegister", "hostUnregister",
)  # fmt: skip


class Runtime(DeviceMemory):
    """See the module; ``answers`` has all functions by their names."""

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self._events = Events(streams)
        self._graphs = Graphs()

    def answers(self) -> dict[str, Callable[..., Any]]:
        """Return every emulated function by its name."""
        own = {name: getattr(self, name) for name in dir(self) if name[0] != "_" and name != "answers"}
        return own | dict.fromkeys(_DONE_WHEN_ASKED_FOR, _nothing)

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

    def streamCreate(self) -> int:
        return streams.create(blocking=True)

    def streamCreateWithFlags(self, flags: int) -> int:
        return streams.create(blocking=not flags & _NON_BLOCKING)

    def streamCreateWithPriority(self, flags: int, priority: int) -> int:
        return self.streamCreateWithFlags(flags)

    def streamGetFlags(self, stream: int) -> int:
        return 0 if stream in LEGACY or streams.find(stream).blocking else _NON_BLOCKING

    def streamDestroy(self, stream: int) -> None:
        streams.destroy(stream)

    def streamQuery(self, stream: int) -> int:
        return _as_status(streams.query, stream)

    def streamSynchronize(self, stream: int) -> None:
        counter.counts.synchronizations += 1
        streams.synchronize(stream)

    def deviceSynchronize(self) -> None:
        counter.counts.synchronizations += 1
        streams.synchronize_device()

    def streamWaitEvent(self, stream: int, event: int, flags: int = 0) -> None:
        self._events.let_wait(stream, event)

    def streamIsCapturing(self, stream: int) -> int:
        return int(streams.is_capturing(stream))

    def streamBeginCapture(self, stream: int, mode: int = _RELAXED) -> None:
        streams.begin_capture(stream, mode)

    def streamEndCapture(self, stream: int) -> int:
        return self._graphs.add(streams.end_capture(stream))

    def eventCreate(self) -> int:
        return self._events.create()

    def eventCreateWithFlags(self, flags: int) -> int:
        return self._events.create()

    def eventDestroy(self, event: int) -> None:
        self._events.destroy(event)

    def eventRecord(self, event: int, stream: int) -> None:
        self._events.record(event, stream)

    def eventQuery(self, event: int) -> int:
        return _as_status(self._events.query, event)

    def eventSynchronize(self, event: int) -> None:
        counter.counts.synchronizations += 1
        self._events.synchronize(event)

    def eventElapsedTime(self, start: int, end: int) -> float:
        raise Unsupported("events measure no time here: emulation says nothing about speed")

    def graphInstantiate(self, graph: int) -> int:
        return self._graphs.instantiate(graph)

    def graphUpload(self, graph: int, stream: int) -> None:
        self._graphs[graph].as_work()
        streams.enter(stream)

    def graphLaunch(self, graph: int, stream: int) -> None:
        work, waiting = self._graphs[graph].as_work(), streams.enter(stream)
        counter.asked("graph", "graphs", captured=streams.is_captured(waiting))
        streams.do(waiting, work)

    def graphDestroy(self, graph: int) -> None:
        streams.refuse_unsafe_calls()
        self._graphs.destroy(graph)

    def graphExecDestroy(self, graph: int) -> None:
        self.graphDestroy(graph)

    def graphDebugDotPrint(self, graph: int, path: str, flags: int) -> None:
        self._graphs.print_dot(graph, path, flags)


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing, because the work is done when it is requested."""


def _as_status(question: Callable[[int], bool], handle: int) -> int:
    """Return CUDA's result of a query for completion, which CuPy passes on."""
    try:
        return 0 if question(handle) else NOT_READY
    except RuntimeError as error:
        status: int = getattr(error, "status", 0)
        if not status:
            raise
        return status
