"""An emulated CUDA driver, which loads PTX, and launches kernels by calling functions.

Each method replaces the function of the same name in ``cupy_backends.cuda.api.driver``.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cupy_on_cpu.arguments import Arguments
from cupy_on_cpu.c_source import c_source
from cupy_on_cpu.captures import Work, driver_error
from cupy_on_cpu.compiler import compile_c
from cupy_on_cpu.counting import counter
from cupy_on_cpu.errors import KernelFault, Unsupported
from cupy_on_cpu.nvrtc import CudaSource, source_log
from cupy_on_cpu.operands import c_name
from cupy_on_cpu.ptx import parse
from cupy_on_cpu.runtime import MULTIPROCESSORS
from cupy_on_cpu.streams import streams

WORKS_AS_IT_IS = frozenset({"get_build_version"})
"""Functions that need no driver."""

_CONTEXT = 1
_BLOCKS, _THREADS = 4, 128  # a possible occupancy, which only affects the division of work
_FAULTS = {
    1: "its threads wait for each other forever (a barrier or an exchange that some of them never reach)",
    2: "it executed a trap",
    3: "it asks for more shared memory than a block has",
    4: "this machine has no memory for its threads",
}
"""Messages by the numbers of `enum fault` in device.h."""


@dataclass(frozen=True)
class _Module:
    """A loaded PTX text."""

    library: ctypes.CDLL
    sizes: dict[str, tuple[int, ...]]  # of the parameters of each kernel, in bytes
    source: CudaSource | None


@dataclass(frozen=True)
class _Kernel:
    """A kernel that can be launched."""

    name: str
    launch: Callable[..., int]
    sizes: tuple[int, ...]
    source: CudaSource | None

    def run(self, grid: tuple[int, ...], parameters: int) -> None:
        """Run the kernel on arguments whose addresses are at ``parameters``."""
        fault = self.launch(*grid, parameters)
        if fault:
            raise KernelFault(f"the kernel {self.name!r} cannot continue: {_FAULTS[fault]}")

    def run_copied(self, grid: tuple[int, ...], arguments: Arguments) -> None:
        """Run the kernel on copied arguments."""
        self.run(grid, arguments.parameters)


class Driver:
    """See the module; handles are positions in lists, counted from 1, because 0 means failure."""

    def __init__(self) -> None:
        self._modules: list[_Module] = []
        self._kernels: list[_Kernel] = []

    def answers(self) -> dict[str, Callable[..., Any]]:
        """Return every emulated function by its name."""
        return {name: getattr(self, name) for name in vars(Driver) if name[0] != "_" and name != "answers"}

    def moduleLoadData(self, image: bytes) -> int:
        text = bytes(image)
        if text.startswith(b"\x7fELF"):
            raise Unsupported("a kernel was compiled for a GPU beforehand; only those that come as PTX can be emulated")
        try:
            streams.refuse_unsafe_calls()
        except RuntimeError as error:
            raise driver_error(error) from error
        parsed = parse(text.rstrip(b"\0").decode())
        sizes = {entry.name: tuple(each.size for each in entry.parameters) for entry in parsed.functions}
        self._modules.append(_Module(compile_c(c_source(parsed)), sizes, source_log.current))
        return len(self._modules)

    def moduleUnload(self, module: int) -> None:
        pass

    def moduleGetFunction(self, module: int, name: str | bytes) -> int:
        name = name.decode() if isinstance(name, bytes) else name
        loaded = self._modules[module - 1]
        launch = getattr(loaded.library, f"launch_{c_name(name)}", None)
        if launch is None:
            raise Unsupported(f"the module has no kernel {name!r}")
        launch.argtypes, launch.restype = [*(7 * [ctypes.c_uint]), ctypes.c_void_p], ctypes.c_int
        self._kernels.append(_Kernel(name, launch, loaded.sizes[name], loaded.source))
        return len(self._kernels)

    def launchKernel(
        self, kernel: int, gx: int, gy: int, gz: int, bx: int, by: int, bz: int,
        shared: int, stream: int, parameters: int, extra: int,
    ) -> None:  # fmt: skip
        launched, grid = self._kernels[kernel - 1], (gx, gy, gz, bx, by, bz, shared)
        try:
            waiting = streams.enter(stream)
        except RuntimeError as error:
            raise driver_error(error) from error
        captured = streams.is_captured(waiting)
        counter.launched(launched.name, launched.source, captured=captured)
        if waiting is None:
            launched.run(grid, parameters)
            return
        arguments = Arguments(parameters, launched.sizes)
        addresses = arguments.words() if captured else ()
        streams.put(waiting, Work(launched.name, partial(launched.run_copied, grid, arguments), addresses))

    def funcGetAttribute(self, attribute: int, kernel: int) -> int:
        return 0

    def funcSetAttribute(self, kernel: int, attribute: int, value: int) -> None:
        pass

    def occupancyMaxActiveBlocksPerMultiprocessor(self, kernel: int, block_size: int, dynamic_shared: int) -> int:
        return _BLOCKS

    def occupancyMaxPotentialBlockSize(self, kernel: int, dynamic_shared: int, limit: int) -> tuple[int, int]:
        return _THREADS, MULTIPROCESSORS

    def ctxGetCurrent(self) -> int:
        return _CONTEXT

    def ctxSetCurrent(self, context: int) -> None:
        pass

    def ctxGetDevice(self) -> int:
        return 0

    def streamGetCtx(self, stream: int) -> int:
        return _CONTEXT
