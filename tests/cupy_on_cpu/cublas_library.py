"""cuBLAS as a shared library, for callers that load it themselves with ``ctypes``.

``cuda.pathfinder.load_nvidia_dynamic_lib("cublas")`` finds this library while CuPy is emulated. Each of its C
functions calls a Python function here, which computes with the products of :mod:`cupy_on_cpu.products`.
"""

import atexit
import ctypes
import functools
import importlib
from collections.abc import Callable
from typing import Any

from cupy_on_cpu import cublas
from cupy_on_cpu.compiler import compile_c
from cupy_on_cpu.errors import EmulationError
from cupy_on_cpu.products import Gemm, Matrix, scalar_kind

SUCCESS, NOT_INITIALIZED, INVALID_VALUE, EXECUTION_FAILED = 0, 1, 7, 13  # of cublasStatus_t
_VERSION = 130_200
_ALIGNMENT = 256

_C_TYPES = {"p": ("void *", ctypes.c_void_p), "i": ("int", ctypes.c_int), "z": ("size_t", ctypes.c_size_t)}
_SIGNATURES = {
    "cublasCreate_v2": "p",
    "cublasDestroy_v2": "p",
    "cublasGetVersion_v2": "pp",
    "cublasSetStream_v2": "pp",
    "cublasSetWorkspace_v2": "ppz",
    "cublasSetPointerMode_v2": "pi",
    "cublasSetMathMode": "pi",
    "cublasGemmEx": "piiiiipp" + "iip" + "iip" + "piiii",
}
"""The arguments of each function: p for a pointer, i for an int, z for a size."""

_kept: list[Any] = []  # C holds the addresses of these functions


def replace_in_pathfinder() -> None:
    """Let ``cuda.pathfinder`` find this library as cuBLAS, and every other library as before."""
    pathfinder: Any = importlib.import_module("cuda.pathfinder")
    original = pathfinder.load_nvidia_dynamic_lib

    @functools.wraps(original)
    def load(libname: str) -> Any:
        if libname != "cublas":
            return original(libname)
        library = _library()
        return pathfinder.LoadedDL(library._name, False, library._handle, "emulated on the CPU")

    pathfinder.load_nvidia_dynamic_lib = load


@functools.cache
def _library() -> ctypes.CDLL:
    """Compile and load the library, and connect its functions with Python's."""
    library = compile_c("#include <stddef.h>\n" + "".join(_c_function(name) for name in _SIGNATURES))
    for name, signature in _SIGNATURES.items():
        of_python = ctypes.CFUNCTYPE(ctypes.c_int, *(_C_TYPES[letter][1] for letter in signature))
        answer = of_python(_as_status(_ANSWERS[name]))
        _kept.append(answer)
        ctypes.c_void_p.in_dll(library, f"answer_{name}").value = ctypes.cast(answer, ctypes.c_void_p).value
    atexit.register(_disconnect, library)
    return library


def _c_function(name: str) -> str:
    """Return the C function that asks Python, or does nothing where Python has ended."""
    types = [_C_TYPES[letter][0] for letter in _SIGNATURES[name]]
    declared = ", ".join(f"{each} a{number}" for number, each in enumerate(types))
    handed = ", ".join(f"a{number}" for number in range(len(types)))
    return (
        f"int (*answer_{name})({', '.join(types)});\n"
        f"int {name}({declared}) {{ return answer_{name} ? answer_{name}({handed}) : {SUCCESS}; }}\n"
    )


def _disconnect(library: ctypes.CDLL) -> None:
    for name in _SIGNATURES:
        ctypes.c_void_p.in_dll(library, f"answer_{name}").value = None


def _as_status(function: Callable[..., int]) -> Callable[..., int]:
    """Return a function that C may call: an exception, which could not pass through C, becomes a status."""

    def call(*arguments: int | None) -> int:
        try:
            return function(*(argument or 0 for argument in arguments))
        except EmulationError:  # its record makes the test fail
            return EXECUTION_FAILED

    return call


def _create(place: int) -> int:
    ctypes.c_void_p.from_address(place).value = cublas.handles.create()
    return SUCCESS


def _of_handle(function: Callable[..., int]) -> Callable[..., int]:
    """Return a function of a handle's number, which may be wrong, from a function of the handle."""

    def call(number: int, *arguments: int) -> int:
        handle = cublas.handles.find(number)
        return NOT_INITIALIZED if handle is None else function(handle, *arguments)

    return call


def _destroy(number: int) -> int:
    if cublas.handles.find(number) is None:
        return NOT_INITIALIZED
    cublas.handles.destroy(number)
    return SUCCESS


def _get_version(handle: cublas.Handle, place: int) -> int:
    ctypes.c_int.from_address(place).value = _VERSION
    return SUCCESS


def _set_stream(handle: cublas.Handle, stream: int) -> int:
    handle.set_stream(stream)
    return SUCCESS


def _set_workspace(handle: cublas.Handle, address: int, size: int) -> int:
    if address % _ALIGNMENT:
        return INVALID_VALUE
    handle.workspace = (address, size)
    return SUCCESS


def _set_pointer_mode(handle: cublas.Handle, mode: int) -> int:
    handle.pointer_mode = mode
    return SUCCESS


def _set_math_mode(handle: cublas.Handle, mode: int) -> int:
    handle.math_mode = mode
    return SUCCESS


def _gemm_ex(
    handle: cublas.Handle, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a: int, a_type: int, lda: int,
    b: int, b_type: int, ldb: int, beta: int, c: int, c_type: int, ldc: int, compute_type: int, algorithm: int,
) -> int:  # fmt: skip
    stored = ((lda, k if transa else m), (ldb, n if transb else k), (ldc, m))
    if min(m, n, k) < 0 or any(leading < max(1, rows) for leading, rows in stored):
        return INVALID_VALUE
    kind = scalar_kind(compute_type)
    left, right, out = Matrix(a, a_type, lda, transa), Matrix(b, b_type, ldb, transb), Matrix(c, c_type, ldc)
    scalars = handle.scalar(alpha, kind), handle.scalar(beta, kind)
    cublas.submit(handle, Gemm(m, n, k, scalars[0], left, right, scalars[1], out, kind))
    return SUCCESS


_ANSWERS: dict[str, Callable[..., int]] = {
    "cublasCreate_v2": _create,
    "cublasDestroy_v2": _destroy,
    "cublasGetVersion_v2": _of_handle(_get_version),
    "cublasSetStream_v2": _of_handle(_set_stream),
    "cublasSetWorkspace_v2": _of_handle(_set_workspace),
    "cublasSetPointerMode_v2": _of_handle(_set_pointer_mode),
    "cublasSetMathMode": _of_handle(_set_math_mode),
    "cublasGemmEx": _of_handle(_gemm_ex),
}
