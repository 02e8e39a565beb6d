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

from cupy_on_cpu import captures
from cupy_on_cpu.allocations import memory
from cupy_on_cpu.compiler import compile_c
from cupy_on_cpu.cublas_handles import Handle, Workspace, handles, submit
from cupy_on_cpu.errors import EmulationError
from cupy_on_cpu.products import Gemm, Matrix, scalar_kind
from cupy_on_cpu.streams import streams

SUCCESS, NOT_INITIALIZED, ALLOC_FAILED, INVALID_VALUE, EXECUTION_FAILED = 0, 1, 3, 7, 13  # of cublasStatus_t
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
    """Return the C function that calls Python, or does nothing after Python has ended."""
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
        except EmulationError:  # the test fails because of its record
            return EXECUTION_FAILED
        except RuntimeError as error:
            if not hasattr(error, "status"):  # of an error of CUDA
                raise
            return EXECUTION_FAILED

    return call


def _create(place: int) -> int:
    streams.refuse_unsafe_calls()
    ctypes.c_void_p.from_address(place).value = handles.create()
    return SUCCESS


def _of_handle(function: Callable[..., int]) -> Callable[..., int]:
    """Return a function of a handle's number, which may be wrong, from a function of the handle."""

    def call(number: int, *arguments: int) -> int:
        handle = handles.find(number)
        return NOT_INITIALIZED if handle is None else function(handle, *arguments)

    return call


def _destroy(number: int) -> int:
    if handles.find(number) is None:
        return NOT_INITIALIZED
    streams.synchronize_device()  # as cuBLAS does
    handles.destroy(number)
    return SUCCESS


def _get_version(handle: Handle, place: int) -> int:
    ctypes.c_int.from_address(place).value = _VERSION
    return SUCCESS


def _set_stream(handle: Handle, stream: int) -> int:
    handle.set_stream(stream)
    return SUCCESS


def _set_workspace(handle: Handle, address: int, size: int) -> int:
    allocation = memory.find(address)
    if address % _ALIGNMENT or allocation is None or not allocation.on_device:
        return INVALID_VALUE
    handle.workspace = Workspace(address, size, allocation)
    return SUCCESS


def _set_pointer_mode(handle: Handle, mode: int) -> int:
    handle.pointer_mode = mode
    return SUCCESS


def _set_math_mode(handle: Handle, mode: int) -> int:
    handle.math_mode = mode
    return SUCCESS


def _gemm_ex(
    handle: Handle, transa: int, transb: int, m: int, n: int, k: int, alpha: int, a: int, a_type: int, lda: int,
    b: int, b_type: int, ldb: int, beta: int, c: int, c_type: int, ldc: int, compute_type: int, algorithm: int,
) -> int:  # fmt: skip
    stored = ((lda, k if transa else m), (ldb, n if transb else k), (ldc, m))
    if min(m, n, k) < 0 or any(leading < max(1, rows) for leading, rows in stored):
        return INVALID_VALUE
    stream = streams.enter(handle.stream)
    if handle.workspace is None and stream is not None and stream.capture is not None:
        captures.invalidate(captures.UNSUPPORTED, stream.capture)  # as cuBLAS would have to allocate its own
        return ALLOC_FAILED
    kind = scalar_kind(compute_type)
    left, right, out = Matrix(a, a_type, lda, transa), Matrix(b, b_type, ldb, transb), Matrix(c, c_type, ldc)
    scalars = handle.scalar(alpha, kind), handle.scalar(beta, kind)
    submit(handle, Gemm(m, n, k, scalars[0], left, right, scalars[1], out, kind))
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
