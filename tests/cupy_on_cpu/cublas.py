"""Matrix products by NumPy, instead of ``cupy_backends.cuda.libs.cublas``.

Each function replaces the function of the same name in that module.
"""

import ctypes
import importlib
from collections.abc import Callable
from functools import cache, wraps
from types import ModuleType
from typing import Any

import numpy as np

from cupy_on_cpu.captures import Work
from cupy_on_cpu.counting import counter
from cupy_on_cpu.cublas_handles import handles, submit
from cupy_on_cpu.errors import Unsupported
from cupy_on_cpu.products import FLOAT32, FLOAT64, Gemm, Matrix, entries, scalar_kind
from cupy_on_cpu.streams import streams

_CONSTANTS = {
    "CUBLAS_OP_N": 0, "CUBLAS_OP_T": 1, "CUBLAS_OP_C": 2,
    "CUBLAS_POINTER_MODE_HOST": 0, "CUBLAS_POINTER_MODE_DEVICE": 1,
    "CUBLAS_DEFAULT_MATH": 0, "CUBLAS_TENSOR_OP_MATH": 1,
    "CUBLAS_GEMM_DEFAULT": -1, "CUBLAS_GEMM_DEFAULT_TENSOR_OP": 99,
    "CUBLAS_COMPUTE_32F": 68, "CUBLAS_COMPUTE_32F_PEDANTIC": 69, "CUBLAS_COMPUTE_32F_FAST_TF32": 77,
    "CUBLAS_COMPUTE_64F": 70, "CUBLAS_COMPUTE_64F_PEDANTIC": 71,
}  # fmt: skip


class CUBLASError(RuntimeError):
    """Substitute for the class of this name in CuPy, which the emulator does not raise."""


def gemmEx(
    handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a: int, a_type: int, lda: int,
    b: int, b_type: int, ldb: int, beta: int, c: int, c_type: int, ldc: int, compute_type: int, algorithm: int,
) -> None:  # fmt: skip
    used, kind = handles[handle], scalar_kind(compute_type)
    left, right = Matrix(a, a_type, lda, transa), Matrix(b, b_type, ldb, transb)
    scalars = used.scalar(alpha, kind), used.scalar(beta, kind)
    submit(used, Gemm(m, n, k, scalars[0], left, right, scalars[1], Matrix(c, c_type, ldc), kind))


def gemmStridedBatchedEx(
    handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int,
    a: int, a_type: int, lda: int, a_stride: int, b: int, b_type: int, ldb: int, b_stride: int, beta: int,
    c: int, c_type: int, ldc: int, c_stride: int, batch: int, compute_type: int, algorithm: int,
) -> None:  # fmt: skip
    used, kind = handles[handle], scalar_kind(compute_type)
    left, right, out = Matrix(a, a_type, lda, transa), Matrix(b, b_type, ldb, transb), Matrix(c, c_type, ldc)
    scalars = used.scalar(alpha, kind), used.scalar(beta, kind)
    products = (
        Gemm(m, n, k, scalars[0], left.moved(i * a_stride), right.moved(i * b_stride), scalars[1],
             out.moved(i * c_stride), kind)
        for i in range(batch)
    )  # fmt: skip
    submit(used, *products)


def _gemm(kind: int) -> Callable[..., None]:
    def gemm(
        handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a: int, lda: int,
        b: int, ldb: int, beta: int, c: int, ldc: int,
    ) -> None:  # fmt: skip
        used = handles[handle]
        left, right, out = Matrix(a, kind, lda, transa), Matrix(b, kind, ldb, transb), Matrix(c, kind, ldc)
        submit(used, Gemm(m, n, k, used.scalar(alpha, kind), left, right, used.scalar(beta, kind), out, kind))

    return gemm


def _gemm_batched(kind: int) -> Callable[..., None]:
    def gemm_batched(
        handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a_array: int, lda: int,
        b_array: int, ldb: int, beta: int, c_array: int, ldc: int, batch: int,
    ) -> None:  # fmt: skip
        used = handles[handle]
        addresses = (entries(each, np.dtype(np.uintp), batch).tolist() for each in (a_array, b_array, c_array))
        products = (
            Gemm(m, n, k, used.scalar(alpha, kind), Matrix(a, kind, lda, transa), Matrix(b, kind, ldb, transb),
                 used.scalar(beta, kind), Matrix(c, kind, ldc), kind)
            for a, b, c in zip(*addresses, strict=True)
        )  # fmt: skip
        submit(used, *products)

    return gemm_batched


def _geam(kind: int) -> Callable[..., None]:
    def geam(
        handle: int, transa: int, transb: int, m: int, n: int, alpha: int, a: int, lda: int, beta: int,
        b: int, ldb: int, c: int, ldc: int,
    ) -> None:  # fmt: skip
        used, stream = handles[handle], streams.enter(handles[handle].stream)
        captured = streams.is_captured(stream)
        counter.launched("geam of cuBLAS", None, captured=captured)  # a sum or a transposed copy: an ordinary launch
        scales = used.scalar(alpha, kind), used.scalar(beta, kind)
        matrices = Matrix(a, kind, lda, transa), Matrix(b, kind, ldb, transb)

        def add() -> None:
            factors = [scale() for scale in scales]
            terms = [scale * each.view(m, n) for scale, each in zip(factors, matrices, strict=True) if scale != 0]
            Matrix(c, kind, ldc).view(m, n)[...] = sum(terms)

        streams.do(stream, Work("geam of cuBLAS", add, (a, b, c)))

    return geam


def set_stream(handle: int, stream: int) -> None:
    """Choose a handle's stream, which CuPy refuses during a capture.

    Raises
    ------
    NotImplementedError
        As CuPy does, if the stream is captured.
    """
    if streams.is_capturing(stream):
        raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
    handles[handle].set_stream(stream)


@cache
def _current_stream() -> Callable[[], int]:
    """Return the function with which CuPy's compiled modules find the thread's current stream."""
    capsule = importlib.import_module("cupy_backends.cuda.stream").__pyx_capi__["get_current_stream_ptr"]
    find = ctypes.pythonapi.PyCapsule_GetPointer
    find.argtypes, find.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    return ctypes.PYFUNCTYPE(ctypes.c_ssize_t)(find(capsule, b"intptr_t (void)"))


def _on_current_stream(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that first sets its handle's stream, like all computing functions of CuPy."""

    @wraps(function)
    def compute(handle: int, *arguments: int) -> None:
        set_stream(handle, _current_stream()())
        function(handle, *arguments)

    return compute


def _set(name: str) -> Callable[[int, int], None]:
    return lambda handle, value: setattr(handles[handle], name, value)


def _get(name: str) -> Callable[[int], Any]:
    return lambda handle: getattr(handles[handle], name)


def _unknown(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise Unsupported(f"cuBLAS's {name} is not emulated; matrix products are")


def make_module() -> ModuleType:
    """Return the module, which raises an error with the name of a missing function."""
    module = ModuleType("cupy_backends.cuda.libs.cublas", __doc__)
    computing: dict[str, Callable[..., None]] = {
        "gemmEx": gemmEx,
        "gemmStridedBatchedEx": gemmStridedBatchedEx,
        "sgemm": _gemm(FLOAT32),
        "dgemm": _gemm(FLOAT64),
        "sgemmBatched": _gemm_batched(FLOAT32),
        "dgemmBatched": _gemm_batched(FLOAT64),
        "sgeam": _geam(FLOAT32),
        "dgeam": _geam(FLOAT64),
    }
    contents: dict[str, Any] = {
        **_CONSTANTS,
        **{name: _on_current_stream(function) for name, function in computing.items()},
        "CUBLASError": CUBLASError,
        "create": handles.create,
        "destroy": handles.destroy,
        "setStream": set_stream,
        "getStream": _get("stream"),
        "setMathMode": _set("math_mode"),
        "getMathMode": _get("math_mode"),
        "setPointerMode": _set("pointer_mode"),
        "getPointerMode": _get("pointer_mode"),
        "__getattr__": _unknown,
    }
    for name, value in contents.items():
        setattr(module, name, value)
    return module
