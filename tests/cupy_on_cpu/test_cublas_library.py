"""cuBLAS called directly: the library that ``cuda.pathfinder`` finds, and its handles."""

import ctypes
import importlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu
from cupy_on_cpu.cublas_library import EXECUTION_FAILED, INVALID_VALUE, NOT_INITIALIZED, SUCCESS
from cupy_on_cpu.errors import Unsupported

FLOAT32, FLOAT64, COMPLEX64 = 0, 1, 4
COMPUTE = {"float32": 68, "float64": 70}
KIND = {"float32": FLOAT32, "float64": FLOAT64}

_ints, _pointer = 5 * [ctypes.c_int], ctypes.c_void_p
GEMM_ARGUMENTS: list[Any] = [
    _pointer, *_ints, _pointer, _pointer, ctypes.c_int, ctypes.c_int, _pointer, ctypes.c_int, ctypes.c_int,
    _pointer, _pointer, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int,
]  # fmt: skip


@pytest.fixture
def library(cupy: Any) -> ctypes.CDLL:
    """Return the library as a caller loads it."""
    found = importlib.import_module("cuda.pathfinder").load_nvidia_dynamic_lib("cublas")
    loaded = ctypes.CDLL(found.abs_path)
    assert loaded._handle == found._handle_uint
    loaded.cublasGemmEx.argtypes = GEMM_ARGUMENTS
    loaded.cublasSetWorkspace_v2.argtypes = [_pointer, _pointer, ctypes.c_size_t]
    return loaded


@pytest.fixture
def handle(library: ctypes.CDLL) -> Iterator[ctypes.c_void_p]:
    """Return a handle."""
    made = ctypes.c_void_p()
    assert library.cublasCreate_v2(ctypes.byref(made)) == SUCCESS
    yield made
    assert library.cublasDestroy_v2(made) == SUCCESS


@pytest.fixture
def multiply(library: ctypes.CDLL, handle: ctypes.c_void_p) -> Callable[..., int]:
    """Return a function that computes ``c = alpha a b + beta c`` for arrays in row order."""

    def run(
        a: Any, b: Any, c: Any, *, transposed: tuple[bool, bool] = (False, False),
        alpha: Any = 1.0, beta: Any = 0.0, on_device: bool = False,
    ) -> int:  # fmt: skip
        m, n = c.shape
        k = a.shape[0] if transposed[0] else a.shape[1]
        kinds = [KIND[x.dtype.name] for x in (b, a, c)]
        host = [np.array(x, c.dtype) for x in (() if on_device else (alpha, beta))]
        alpha_at, beta_at = (alpha.data.ptr, beta.data.ptr) if on_device else [x.ctypes.data for x in host]
        assert library.cublasSetPointerMode_v2(handle, int(on_device)) == SUCCESS
        return int(
            library.cublasGemmEx(
                handle, int(transposed[1]), int(transposed[0]), n, m, k, alpha_at,
                b.data.ptr, kinds[0], b.shape[1], a.data.ptr, kinds[1], a.shape[1],
                beta_at, c.data.ptr, kinds[2], c.shape[1], COMPUTE[c.dtype.name], -1,
            )
        )  # fmt: skip

    return run


def factor(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [*itertools.product((False, True), repeat=2)])
def test_product(cupy: Any, multiply: Callable[..., int], dtype: str, transposed: tuple[bool, bool]) -> None:
    a, b, c = factor(dtype, 4, 3), factor(dtype, 3, 5, seed=1), factor(dtype, 4, 5, seed=2)
    given = [cupy.asarray(np.ascontiguousarray(x.T if t else x)) for x, t in zip((a, b), transposed, strict=True)]
    out = cupy.asarray(c)
    cupy_on_cpu.reset_counts()
    assert multiply(*given, out, transposed=transposed, alpha=2.0, beta=0.5) == SUCCESS
    assert cupy_on_cpu.counts().gemms == 1
    np.testing.assert_allclose(out.get(), 2 * (a @ b) + 0.5 * c, rtol=1e-5, atol=1e-6)


def test_beta_of_zero_ignores_the_old_values(cupy: Any, multiply: Callable[..., int]) -> None:
    out = cupy.full((2, 2), np.nan, "float32")
    assert multiply(cupy.ones((2, 3), "float32"), cupy.ones((3, 2), "float32"), out) == SUCCESS
    assert out.get().tolist() == [[3, 3], [3, 3]]


def test_factors_on_the_device(cupy: Any, multiply: Callable[..., int]) -> None:
    out, factors = cupy.ones((2, 2), "float32"), (cupy.asarray([2], "float32"), cupy.asarray([10], "float32"))
    ones = cupy.ones((2, 2), "float32")
    assert multiply(ones, ones, out, alpha=factors[0], beta=factors[1], on_device=True) == SUCCESS
    assert out.get().tolist() == [[14, 14], [14, 14]]


def test_handles_are_distinguished(library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    other = ctypes.c_void_p()
    assert library.cublasCreate_v2(ctypes.byref(other)) == SUCCESS
    assert other.value not in (None, handle.value)
    assert library.cublasDestroy_v2(other) == SUCCESS
    for function in (library.cublasDestroy_v2, library.cublasSetStream_v2, library.cublasSetMathMode):
        assert function(other, 0) == NOT_INITIALIZED


def test_version(library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    version = ctypes.c_int()
    assert library.cublasGetVersion_v2(handle, ctypes.byref(version)) == SUCCESS
    assert version.value // 10_000 == 13


def test_arguments_that_cublas_refuses(cupy: Any, library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    memory = cupy.zeros(1024, "uint8")
    assert library.cublasSetWorkspace_v2(handle, memory.data.ptr, 1024) == SUCCESS
    assert library.cublasSetWorkspace_v2(handle, memory.data.ptr + 8, 512) == INVALID_VALUE
    at, rows, leading = memory.data.ptr, 2, 1
    arguments = [handle, 0, 0, rows, 2, 2, at, at, 0, leading, at, 0, 2, at, at, 0, 2, 68, -1]
    assert library.cublasGemmEx(*arguments) == INVALID_VALUE


def test_dtype_that_is_not_emulated_is_recorded(
    cupy: Any, multiply: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ones = cupy.ones((2, 2), "float32")
    monkeypatch.setitem(KIND, "float32", COMPLEX64)
    assert multiply(ones, ones, ones) == EXECUTION_FAILED
    (error,) = cupy_on_cpu.take_errors()
    assert isinstance(error, Unsupported)
    assert str(error) == "products of the cudaDataType 4 are not emulated; float32 and float64 are"


def test_other_libraries_are_found_as_before(cupy: Any) -> None:
    pathfinder = importlib.import_module("cuda.pathfinder")
    assert "nvrtc" in pathfinder.load_nvidia_dynamic_lib("nvrtc").abs_path
