"""Captures of a stream's work, and the errors of CUDA around them."""

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cupy_on_cpu.allocations import Allocation, memory

INVALID_HANDLE, ILLEGAL_STATE, NOT_READY = 400, 401, 600
UNSUPPORTED, INVALIDATED, ISOLATION, IMPLICIT, CAPTURED_EVENT, WRONG_THREAD = 900, 901, 905, 906, 907, 908
"""Of cudaError, and of CUresult by the same numbers."""

_DRIVER_NAMES = {
    INVALID_HANDLE: "CUDA_ERROR_INVALID_HANDLE",
    UNSUPPORTED: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
    INVALIDATED: "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
    IMPLICIT: "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
}
_GLOBAL, _RELAXED = 0, 2  # of cudaStreamCaptureMode; between them is ThreadLocal


@dataclass(frozen=True)
class Work:
    """Work that a stream does in its order."""

    name: str
    run: Callable[[], object]
    addresses: tuple[int, ...] = ()  # of the memory that it uses; numbers that are not addresses have no effect


@dataclass(eq=False)
class Capture:
    """The requested work of one stream between the begin and the end of its capture."""

    mode: int
    blocking: bool  # its stream, which is then ordered with the legacy stream
    works: list[Work] = field(default_factory=list)
    held: list[Allocation] = field(default_factory=list)  # memory of the work, and memory allocated during the capture
    thread: int = field(default_factory=threading.get_ident)
    valid: bool = True

    def add(self, work: Work) -> None:
        """Capture a piece of work."""
        self.works.append(work)
        self.hold(*work.addresses)

    def hold(self, *addresses: int) -> None:
        """Reserve memory for the graph."""
        self.held += memory.hold(addresses)

    def is_own(self) -> bool:
        """Return whether the calling thread began the capture."""
        return self.thread == threading.get_ident()

    def may_end_here(self) -> bool:
        """Return whether the calling thread may end the capture."""
        return self.mode == _RELAXED or self.is_own()

    def forbids_unsafe_calls(self) -> bool:
        """Return whether the capture forbids the calling thread to allocate, wait or load a module now."""
        return self.mode == _GLOBAL or (self.mode != _RELAXED and self.is_own())


def cuda_error(status: int) -> Exception:
    """Return the exception by which CuPy reports an error of the CUDA runtime."""
    runtime: Any = importlib.import_module("cupy_backends.cuda.api.runtime")
    error: Exception = runtime.CUDARuntimeError(status)
    return error


def driver_error(error: Exception) -> Exception:
    """Return the exception by which the CUDA driver reports an error of the runtime; of other errors, the error."""
    status = getattr(error, "status", None)
    if status not in _DRIVER_NAMES:
        return error
    driver: Any = importlib.import_module("cupy_backends.cuda.api.driver")
    made = driver.CUDADriverError.__new__(driver.CUDADriverError)  # its __init__ gets the name from the driver
    made.status, made.args = status, (f"{_DRIVER_NAMES[status]}: {str(error).partition(': ')[2]}",)
    found: Exception = made
    return found


def invalidate(status: int, *broken: Capture) -> Exception:
    """Make captures invalid, so that their end is an error, and return the error of the forbidden call."""
    for capture in broken:
        capture.valid = False
    return cuda_error(status)
