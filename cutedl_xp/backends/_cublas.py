"""Matrix products by direct calls to cuBLAS.

CuPy 14 refuses its own products while a stream is captured, and a call to ``cupy.matmul`` takes longer on the host than
a small product takes on the device.
"""

import ctypes
import functools
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cutedl_xp.backends._captures import release_outside_captures

_POINTERS_ON_HOST = 0  # cublasPointerMode_t
_DEFAULT, _TENSOR_OP = -1, 99  # cublasGemmAlgo_t
_CUDA_TYPES = {"f": 0, "d": 1}  # cudaDataType, by the dtype's character
_COMPUTE_TYPES = {"f": 68, "d": 70}  # cublasComputeType_t
_OTHER_COMPUTE_TYPES = {("f", 2): 69, ("d", 2): 71, ("f", 7): 77}  # by CuPy's numbers: 2 pedantic, 7 TF32
_LARGEST = 2**31 - 1
_MIB = 1 << 20

_SCALARS = {"f": (ctypes.c_float(1), ctypes.c_float(0)), "d": (ctypes.c_double(1), ctypes.c_double(0))}
_ONE_AND_ZERO = {char: tuple(map(ctypes.addressof, scalars)) for char, scalars in _SCALARS.items()}

_STATUS = {
    1: "CUBLAS_STATUS_NOT_INITIALIZED",
    3: "CUBLAS_STATUS_ALLOC_FAILED",
    7: "CUBLAS_STATUS_INVALID_VALUE",
    8: "CUBLAS_STATUS_ARCH_MISMATCH",
    11: "CUBLAS_STATUS_MAPPING_ERROR",
    13: "CUBLAS_STATUS_EXECUTION_FAILED",
    14: "CUBLAS_STATUS_INTERNAL_ERROR",
    15: "CUBLAS_STATUS_NOT_SUPPORTED",
    16: "CUBLAS_STATUS_LICENSE_ERROR",
}

_INT, _POINTER = ctypes.c_int, ctypes.c_void_p
_MATRIX = (_POINTER, _INT, _INT)  # address, cudaDataType, leading dimension
_FUNCTIONS: dict[str, Sequence[Any]] = {
    "cublasCreate_v2": (ctypes.POINTER(_POINTER),),
    "cublasDestroy_v2": (_POINTER,),
    "cublasSetStream_v2": (_POINTER, _POINTER),
    "cublasSetWorkspace_v2": (_POINTER, _POINTER, ctypes.c_size_t),
    "cublasSetPointerMode_v2": (_POINTER, _INT),
    "cublasGemmEx": (_POINTER, *(5 * [_INT]), _POINTER, *_MATRIX, *_MATRIX, _POINTER, *_MATRIX, _INT, _INT),
}


@functools.cache
def _library() -> ctypes.CDLL:
    """Return cuBLAS, the same library that CuPy uses."""
    from cuda.pathfinder import load_nvidia_dynamic_lib

    library = ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes, function.restype, function.errcheck = arguments, _INT, _check
    return library


def _check(status: int, function: Any, arguments: Any) -> None:
    if status:
        name = _STATUS.get(status, "a status that it does not document")
        raise RuntimeError(f"{function.__name__} of cuBLAS failed with {name} ({status})")


class Handle:
    """Handle of cuBLAS for the current stream, with a workspace of its own.

    Without a workspace of its own for each stream, products on two streams could overwrite each other's intermediate
    results, and the sizes of workspaces, on which the rounding depends, would differ.
    """

    def __init__(self, cupy: Any) -> None:
        library, address, device = _library(), _POINTER(), cupy.cuda.Device()
        capability = int(device.compute_capability)
        self.algorithm = _TENSOR_OP if capability >= 80 else _DEFAULT
        size = (32 if capability >= 90 else 4) * _MIB  # as NVIDIA recommends
        workspace = cupy.cuda.alloc(size)  # 512-byte aligned; 256 bytes are needed
        library.cublasCreate_v2(ctypes.byref(address))
        self.address = address.value
        destroy = functools.partial(_destroy, device, address, workspace)
        weakref.finalize(self, release_outside_captures, destroy)
        library.cublasSetStream_v2(address, cupy.cuda.get_current_stream().ptr)
        library.cublasSetWorkspace_v2(address, workspace.ptr, size)  # after the stream, which resets the workspace
        library.cublasSetPointerMode_v2(address, _POINTERS_ON_HOST)


def _destroy(device: Any, address: Any, workspace: Any) -> None:
    """Destroy a handle; its workspace is freed afterwards, with the last reference to it."""
    with device, suppress(RuntimeError):  # a device that has failed raises an error here as well
        _library().cublasDestroy_v2(address)


class _Local(threading.local):
    """Handles of a thread: one for each device and stream, or the handle of the graph that is being captured."""

    def __init__(self) -> None:
        self.handles: dict[tuple[int, int], Handle] = {}
        self.of_graph: Handle | None = None


_local = _Local()


@contextmanager
def using(handle: Handle | None) -> Iterator[None]:
    """Return a context in which this thread computes products with a handle, whose stream must be current."""
    before, _local.of_graph = _local.of_graph, handle
    try:
        yield
    finally:
        _local.of_graph = before


def _current_handle(cupy: Any) -> Handle:
    if _local.of_graph is not None:
        return _local.of_graph
    place = cupy.cuda.runtime.getDevice(), cupy.cuda.get_current_stream().ptr
    handle = _local.handles.get(place)
    if handle is None:
        handle = _local.handles[place] = Handle(cupy)
    return handle


def matmul(cupy: Any, a: Any, b: Any, out: Any = None) -> Any:
    """Return the matrix product of two arrays, or None for operands that would have to be copied first.

    Parameters
    ----------
    cupy
        CuPy.
    a, b
        Operands. The product is computed for matrices in float32 or float64 whose rows or columns are contiguous.
    out
        Memory for the product; default None, new memory. The product is computed for a C-contiguous matrix of the right
        shape and dtype that shares no memory with the operands.
    """
    char = a.dtype.char
    plan = _plan(char, a.shape, a.strides, b.shape, b.strides) if b.dtype.char == char else None
    if plan is None:
        return None
    shape, sizes, lda, ldb = plan
    if out is None:
        out = cupy.ndarray(shape, a.dtype)
    elif out.shape != shape or out.dtype.char != char or not out.flags.c_contiguous or _overlap(out, a, b):
        return None
    kind, (one, zero), handle = _CUDA_TYPES[char], _ONE_AND_ZERO[char], _current_handle(cupy)
    _library().cublasGemmEx(
        handle.address, *sizes, one, b.data.ptr, kind, ldb, a.data.ptr, kind, lda, zero, out.data.ptr, kind, shape[1],
        _compute_type(cupy, char), handle.algorithm,
    )  # fmt: skip
    return out


def _compute_type(cupy: Any, char: str) -> int:
    """Return the ``cublasComputeType_t`` that CuPy selects, because users may allow TF32."""
    chosen: int = cupy._core.get_compute_type(char)
    return _OTHER_COMPUTE_TYPES.get((char, chosen), _COMPUTE_TYPES[char])


@functools.lru_cache(maxsize=1024)
def _plan(char: str, a: Sequence[int], a_strides: Sequence[int], b: Sequence[int], b_strides: Sequence[int]) -> Any:
    """Return the shape, the first five sizes of the call, and the leading dimensions; None if cuBLAS cannot be used.

    cuBLAS stores matrices column by column, so that it reads a matrix stored row by row as its transpose. Therefore,
    the call computes the transposed product, with the operands in reverse order.
    """
    if char not in _CUDA_TYPES or len(a) != 2 or len(b) != 2 or a[1] != b[0] or not all((*a, *b)):
        return None
    itemsize = 4 if char == "f" else 8
    layouts = _layout(a, a_strides, itemsize), _layout(b, b_strides, itemsize)
    if None in layouts or max(*a, *b) > _LARGEST:
        return None
    (transposed_a, lda), (transposed_b, ldb) = layouts  # type: ignore[misc]  # neither is None
    if max(lda, ldb) > _LARGEST:
        return None
    return (a[0], b[1]), (transposed_b, transposed_a, b[1], a[0], a[1]), lda, ldb


def _layout(shape: Sequence[int], strides: Sequence[int], itemsize: int) -> tuple[int, int] | None:
    """Return 1 for contiguous columns or 0 for contiguous rows of a matrix, and the distance between two in entries."""
    for by_columns, along, across in ((1, 0, 1), (0, 1, 0)):
        length = shape[along]
        step = strides[across] if shape[across] > 1 else length * itemsize
        is_dense = length == 1 or strides[along] == itemsize
        if is_dense and step >= length * itemsize and step % itemsize == 0:
            return by_columns, step // itemsize
    return None


def _overlap(out: Any, *others: Any) -> bool:
    """Return whether the memory of C-contiguous ``out`` may contain entries of matrices with positive strides."""
    start, end = out.data.ptr, out.data.ptr + out.nbytes
    for other in others:
        last = sum((length - 1) * stride for length, stride in zip(other.shape, other.strides, strict=True))
        if other.data.ptr < end and start <= other.data.ptr + last:
            return True
    return False
