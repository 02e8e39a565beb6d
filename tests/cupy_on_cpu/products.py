"""The arithmetic of matrix products: NumPy on the memory of the emulated device.

cuBLAS has column order: the matrix at ``a`` has ``lda`` entries between the beginnings of its columns.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cupy_on_cpu.errors import Unsupported

FLOAT32, FLOAT64 = 0, 1  # of cudaDataType
_DTYPES: dict[int, np.dtype] = {FLOAT32: np.dtype(np.float32), FLOAT64: np.dtype(np.float64)}
_IN_FLOAT64 = (70, 71)  # of cublasComputeType

Scalar = Callable[[], Any]
"""A factor of a product; a function, because a factor on the device is read when the product runs."""


@dataclass(frozen=True)
class Matrix:
    """A matrix in memory, as an argument of cuBLAS; ``transposed`` is its ``cublasOperation_t``."""

    address: int
    kind: int  # of cudaDataType
    leading: int
    transposed: int = 0

    def view(self, rows: int, columns: int) -> np.ndarray:
        """Return the matrix of this shape, or the transpose of a matrix whose transpose has this shape."""
        if self.transposed:
            return self._stored(columns, rows).T
        return self._stored(rows, columns)

    def _stored(self, rows: int, columns: int) -> np.ndarray:
        dtype = dtype_of(self.kind)
        values = entries(self.address, dtype, self.leading * (columns - 1) + rows)
        strides = (dtype.itemsize, self.leading * dtype.itemsize)
        return np.lib.stride_tricks.as_strided(values, (rows, columns), strides)

    def moved(self, count: int) -> "Matrix":
        """Return the matrix that begins ``count`` entries behind this matrix."""
        address = self.address + count * dtype_of(self.kind).itemsize
        return Matrix(address, self.kind, self.leading, self.transposed)


@dataclass(frozen=True)
class Gemm:
    """``c = alpha a b + beta c``, where ``a`` has ``m`` rows, ``b`` has ``n`` columns and they share ``k``."""

    m: int
    n: int
    k: int
    alpha: Scalar
    a: Matrix
    b: Matrix
    beta: Scalar
    c: Matrix
    scalar_kind: int

    def __call__(self) -> None:
        dtype = _DTYPES[self.scalar_kind]
        left, right = self.a.view(self.m, self.k), self.b.view(self.k, self.n)
        product = self.alpha() * (left.astype(dtype, copy=False) @ right.astype(dtype, copy=False))
        out, kept = self.c.view(self.m, self.n), self.beta()
        out[...] = product if kept == 0 else product + kept * out  # the old values may be NaN if beta is 0


def dtype_of(kind: int) -> np.dtype:
    """Return the dtype with this number of cudaDataType."""
    if kind not in _DTYPES:
        raise Unsupported(f"products of the cudaDataType {kind} are not emulated; float32 and float64 are")
    return _DTYPES[kind]


def scalar_kind(compute_type: int) -> int:
    """Return the cudaDataType of the factors alpha and beta for a cublasComputeType."""
    return FLOAT64 if compute_type in _IN_FLOAT64 else FLOAT32


def entries(address: int, dtype: np.dtype, count: int) -> np.ndarray:
    """Return the numbers at an address."""
    memory = memoryview((ctypes.c_char * (count * dtype.itemsize)).from_address(address))
    found: np.ndarray = np.frombuffer(memory.cast("B"), dtype)
    return found
