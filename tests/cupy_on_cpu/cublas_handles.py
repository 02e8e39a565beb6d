"""Handles of cuBLAS, and their products in streams."""

import ctypes
import itertools
from dataclasses import dataclass
from functools import partial

from cupy_on_cpu.allocations import Allocation
from cupy_on_cpu.captures import Work
from cupy_on_cpu.counting import counter
from cupy_on_cpu.errors import KernelFault
from cupy_on_cpu.products import Gemm, Scalar, dtype_of, entries
from cupy_on_cpu.streams import streams

ON_HOST, ON_DEVICE = 0, 1  # of cublasPointerMode_t
_SCRIBBLED = 4096


@dataclass(frozen=True)
class Workspace:
    """Memory that a caller provides for a handle."""

    address: int
    size: int
    allocation: Allocation

    def scribble(self) -> None:
        """Overwrite the beginning with NaN, because products of cuBLAS may overwrite all of the memory."""
        if self.allocation.freed:
            raise KernelFault("a matrix product uses a workspace that has been freed")
        ctypes.memset(self.address, 0xFF, min(self.size, _SCRIBBLED))


@dataclass
class Handle:
    """The settings of one handle of cuBLAS."""

    stream: int = 0
    workspace: Workspace | None = None  # None is cuBLAS's own
    pointer_mode: int = ON_HOST
    math_mode: int = 0

    def set_stream(self, stream: int) -> None:
        """Choose the stream; cuBLAS then returns to its own workspace."""
        self.stream, self.workspace = stream, None

    def scalar(self, address: int, kind: int) -> Scalar:
        """Return the factor at an address: on the host its present value, on the device the later value."""
        dtype = dtype_of(kind)
        if self.pointer_mode == ON_DEVICE:
            return lambda: entries(address, dtype, 1)[0]
        value = entries(address, dtype, 1)[0].copy()
        return lambda: value


class Handles:
    """The handles that exist, by their numbers."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._handles: dict[int, Handle] = {}

    def create(self) -> int:
        """Make a handle and return its number."""
        number = next(self._numbers)
        self._handles[number] = Handle()
        return number

    def destroy(self, number: int) -> None:
        """Remove a handle."""
        self._handles.pop(number, None)

    def find(self, number: int) -> Handle | None:
        """Return the handle of a number, or None."""
        return self._handles.get(number)

    def __getitem__(self, number: int) -> Handle:
        return self._handles[number]


handles = Handles()


def submit(handle: Handle, *products: Gemm) -> None:
    """Queue the products of one call of cuBLAS in the handle's stream."""
    matrices = [matrix for each in products for matrix in (each.a, each.b, each.c)]
    for matrix in matrices:  # other dtypes raise an error before anything is counted
        dtype_of(matrix.kind)
    stream = streams.enter(handle.stream)
    counter.asked("gemm", "gemms", captured=streams.is_captured(stream))
    addresses = [matrix.address for matrix in matrices]
    if handle.workspace is not None:
        addresses.append(handle.workspace.address)
    streams.do(stream, Work("gemm", partial(_multiply, handle.workspace, products), tuple(addresses)))


def _multiply(workspace: Workspace | None, products: tuple[Gemm, ...]) -> None:
    if workspace is not None:
        workspace.scribble()
    for product in products:
        product()
