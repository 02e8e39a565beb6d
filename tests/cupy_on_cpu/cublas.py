"""Matrix products by NumPy, in the place of ``cupy_backends.cuda.libs.cublas``.

cuBLAS counts along columns first: the matrix at ``a`` has ``lda`` entries between the beginnings of its columns.
A function here stands for the one of its name there.
"""

import ctypes
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from cupy_on_cpu.counting import counter
from cupy_on_cpu.errors import Unsupported

_CONSTANTS = {
    "CUBLAS_OP_N": 0, "CUBLAS_OP_T": 1, "CUBLAS_OP_C": 2,
    "CUBLAS_POINTER_MODE_HOST": 0, "CUBLAS_POINTER_MODE_DEVICE": 1,
    "CUBLAS_DEFAULT_MATH": 0, "CUBLAS_TENSOR_OP_MATH": 1,
    "CUBLAS_GEMM_DEFAULT": -1, "CUBLAS_GEMM_DEFAULT_TENSOR_OP": 99,
    "CUBLAS_COMPUTE_32F": 68, "CUBLAS_COMPUTE_32F_PEDANTIC": 69, "CUBLAS_COMPUTE_32F_FAST_TF32": 77,
    "CUBLAS_COMPUTE_64F": 70, "CUBLAS_COMPUTE_64F_PEDANTIC": 71,
}  # fmt: skip
_DTYPES: dict[int, np.dtype] = {0: np.dtype(np.float32), 1: np.dtype(np.float64)}  # by the numbers of cudaDataType
_IN_FLOAT64 = (70, 71)
_FLOAT32, _FLOAT64 = 0, 1
_HANDLE = 1


class CUBLASError(RuntimeError):
    """The class of this name in CuPy; nothing raises it here."""


def _entries(address: int, dtype: np.dtype, count: int) -> np.ndarray:
    """The numbers that lie at an address."""
    memory = memoryview((ctypes.c_char * (count * dtype.itemsize)).from_address(address))
    entries: np.ndarray = np.frombuffer(memory.cast("B"), dtype)
    return entries


def _matrix(address: int, dtype: np.dtype, rows: int, columns: int, leading: int) -> np.ndarray:
    """The matrix that lies at an address, column by column."""
    entries = _entries(address, dtype, leading * (columns - 1) + rows)
    return np.lib.stride_tricks.as_strided(entries, (rows, columns), (dtype.itemsize, leading * dtype.itemsize))


def _operand(transposed: int, address: int, kind: int, rows: int, columns: int, leading: int) -> np.ndarray:
    """A factor of a product: the matrix of this shape, or that whose transpose has it."""
    if kind not in _DTYPES:
        raise Unsupported(f"products of the cudaDataType {kind} are not emulated; float32 and float64 are")
    if transposed:
        return _matrix(address, _DTYPES[kind], columns, rows, leading).T
    return _matrix(address, _DTYPES[kind], rows, columns, leading)


def _multiply(left: np.ndarray, right: np.ndarray, alpha: int, beta: int, scalar_kind: int, out: np.ndarray) -> None:
    """``out = alpha left right + beta out``."""
    dtype = _DTYPES[scalar_kind]
    factor, kept = _entries(alpha, dtype, 1)[0], _entries(beta, dtype, 1)[0]
    product = factor * (left.astype(dtype, copy=False) @ right.astype(dtype, copy=False))
    out[...] = product if kept == 0 else product + kept * out  # what is there may be NaN where beta is 0


def gemmEx(
    handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a: int, a_type: int, lda: int,
    b: int, b_type: int, ldb: int, beta: int, c: int, c_type: int, ldc: int, compute_type: int, algorithm: int,
) -> None:  # fmt: skip
    counter.counts.gemms += 1
    scalar_kind = _FLOAT64 if compute_type in _IN_FLOAT64 else _FLOAT32
    left, right = _operand(transa, a, a_type, m, k, lda), _operand(transb, b, b_type, k, n, ldb)
    _multiply(left, right, alpha, beta, scalar_kind, _operand(0, c, c_type, m, n, ldc))


def gemmStridedBatchedEx(
    handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int,
    a: int, a_type: int, lda: int, a_stride: int, b: int, b_type: int, ldb: int, b_stride: int, beta: int,
    c: int, c_type: int, ldc: int, c_stride: int, batch: int, compute_type: int, algorithm: int,
) -> None:  # fmt: skip
    counter.counts.gemms += 1
    scalar_kind = _FLOAT64 if compute_type in _IN_FLOAT64 else _FLOAT32
    for number in range(batch):
        left = _operand(transa, a + number * a_stride * _bytes(a_type), a_type, m, k, lda)
        right = _operand(transb, b + number * b_stride * _bytes(b_type), b_type, k, n, ldb)
        out = _operand(0, c + number * c_stride * _bytes(c_type), c_type, m, n, ldc)
        _multiply(left, right, alpha, beta, scalar_kind, out)


def _bytes(kind: int) -> int:
    return _DTYPES[kind].itemsize if kind in _DTYPES else 0  # of another kind _operand says what is wrong


def _gemm(kind: int) -> Callable[..., None]:
    def gemm(
        handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a: int, lda: int,
        b: int, ldb: int, beta: int, c: int, ldc: int,
    ) -> None:  # fmt: skip
        counter.counts.gemms += 1
        left, right = _operand(transa, a, kind, m, k, lda), _operand(transb, b, kind, k, n, ldb)
        _multiply(left, right, alpha, beta, kind, _operand(0, c, kind, m, n, ldc))

    return gemm


def _gemm_batched(kind: int) -> Callable[..., None]:
    def gemm_batched(
        handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a_array: int, lda: int,
        b_array: int, ldb: int, beta: int, c_array: int, ldc: int, batch: int,
    ) -> None:  # fmt: skip
        counter.counts.gemms += 1
        addresses = (_entries(each, np.dtype(np.uintp), batch).tolist() for each in (a_array, b_array, c_array))
        for a, b, c in zip(*addresses, strict=True):
            left, right = _operand(transa, a, kind, m, k, lda), _operand(transb, b, kind, k, n, ldb)
            _multiply(left, right, alpha, beta, kind, _operand(0, c, kind, m, n, ldc))

    return gemm_batched


def _geam(kind: int) -> Callable[..., None]:
    def geam(
        handle: int, transa: int, transb: int, m: int, n: int, alpha: int, a: int, lda: int, beta: int,
        b: int, ldb: int, c: int, ldc: int,
    ) -> None:  # fmt: skip
        counter.launched("geam of cuBLAS", None)  # a sum or a transposed copy, so an ordinary launch
        dtype, out = _DTYPES[kind], _operand(0, c, kind, m, n, ldc)
        scales = (_entries(address, dtype, 1)[0] for address in (alpha, beta))
        factors = ((transa, a, lda), (transb, b, ldb))
        terms = [s * _operand(t, p, kind, m, n, ld) for s, (t, p, ld) in zip(scales, factors, strict=True) if s != 0]
        out[...] = sum(terms)

    return geam


def _do_nothing(*_: Any) -> None:
    """A setting that NumPy's products do not have."""


def _unknown(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise Unsupported(f"cuBLAS's {name} is not emulated; matrix products are")


def make_module() -> ModuleType:
    """The module; what it does not have it refuses by name."""
    module = ModuleType("cupy_backends.cuda.libs.cublas", __doc__)
    contents: dict[str, Any] = {
        **_CONSTANTS,
        "CUBLASError": CUBLASError,
        "create": lambda: _HANDLE,
        "getMathMode": lambda handle: _CONSTANTS["CUBLAS_DEFAULT_MATH"],
        "getPointerMode": lambda handle: _CONSTANTS["CUBLAS_POINTER_MODE_HOST"],
        **dict.fromkeys(("destroy", "setStream", "setMathMode", "setPointerMode"), _do_nothing),
        "gemmEx": gemmEx,
        "gemmStridedBatchedEx": gemmStridedBatchedEx,
        "sgemm": _gemm(_FLOAT32),
        "dgemm": _gemm(_FLOAT64),
        "sgemmBatched": _gemm_batched(_FLOAT32),
        "dgemmBatched": _gemm_batched(_FLOAT64),
        "sgeam": _geam(_FLOAT32),
        "dgeam": _geam(_FLOAT64),
        "__getattr__": _unknown,
    }
    for name, value in contents.items():
        setattr(module, name, value)
    return module
