"""Matrix products by NumPy, in the place of ``cupy_backends.cuda.libs.cublas``.

A function here stands for the function of its name there.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from cupy_on_cpu.counting import counter
from cupy_on_cpu.errors import Unsupported
from cupy_on_cpu.products import FLOAT32, FLOAT64, Gemm, Matrix, Scalar, dtype_of, entries, scalar_kind

_CONSTANTS = {
    "CUBLAS_OP_N": 0, "CUBLAS_OP_T": 1, "CUBLAS_OP_C": 2,
    "CUBLAS_POINTER_MODE_HOST": 0, "CUBLAS_POINTER_MODE_DEVICE": 1,
    "CUBLAS_DEFAULT_MATH": 0, "CUBLAS_TENSOR_OP_MATH": 1,
    "CUBLAS_GEMM_DEFAULT": -1, "CUBLAS_GEMM_DEFAULT_TENSOR_OP": 99,
    "CUBLAS_COMPUTE_32F": 68, "CUBLAS_COMPUTE_32F_PEDANTIC": 69, "CUBLAS_COMPUTE_32F_FAST_TF32": 77,
    "CUBLAS_COMPUTE_64F": 70, "CUBLAS_COMPUTE_64F_PEDANTIC": 71,
}  # fmt: skip
ON_HOST, ON_DEVICE = 0, 1  # of cublasPointerMode_t


@dataclass
class Handle:
    """The settings of one handle of cuBLAS."""

    stream: int = 0
    workspace: tuple[int, int] | None = None  # address and size of the caller's; None is cuBLAS's own
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
        """Forget a handle."""
        self._handles.pop(number, None)

    def find(self, number: int) -> Handle | None:
        """Return the handle, or None where the number has none."""
        return self._handles.get(number)

    def __getitem__(self, number: int) -> Handle:
        return self._handles[number]


handles = Handles()


class CUBLASError(RuntimeError):
    """The class of this name in CuPy; nothing raises it here."""


def submit(handle: Handle, *products: Gemm) -> None:
    """Run one call of cuBLAS."""
    for each in products:  # refuse other dtypes before anything is counted
        dtype_of(each.a.kind), dtype_of(each.b.kind), dtype_of(each.c.kind)
    counter.counts.gemms += 1
    for product in products:
        product()


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
        counter.launched("geam of cuBLAS", None)  # a sum or a transposed copy, so an ordinary launch
        used = handles[handle]
        scales = used.scalar(alpha, kind)(), used.scalar(beta, kind)()
        matrices = Matrix(a, kind, lda, transa), Matrix(b, kind, ldb, transb)
        terms = [scale * each.view(m, n) for scale, each in zip(scales, matrices, strict=True) if scale != 0]
        Matrix(c, kind, ldc).view(m, n)[...] = sum(terms)

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
        "create": handles.create,
        "destroy": handles.destroy,
        "getMathMode": lambda handle: _CONSTANTS["CUBLAS_DEFAULT_MATH"],
        "getPointerMode": lambda handle: _CONSTANTS["CUBLAS_POINTER_MODE_HOST"],
        **dict.fromkeys(("setStream", "setMathMode", "setPointerMode"), _do_nothing),
        "gemmEx": gemmEx,
        "gemmStridedBatchedEx": gemmStridedBatchedEx,
        "sgemm": _gemm(FLOAT32),
        "dgemm": _gemm(FLOAT64),
        "sgemmBatched": _gemm_batched(FLOAT32),
        "dgemmBatched": _gemm_batched(FLOAT64),
        "sgeam": _geam(FLOAT32),
        "dgeam": _geam(FLOAT64),
        "__getattr__": _unknown,
    }
    for name, value in contents.items():
        setattr(module, name, value)
    return module
