"""Fixtures of the tests of the emulator, which are collected if CuPy is emulated."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cupy_on_cpu.c_source import c_source
from cupy_on_cpu.compiler import compile_c
from cupy_on_cpu.driver import Driver
from cupy_on_cpu.errors import EmulationError, take_errors
from cupy_on_cpu.ptx import parse
from cupy_on_cpu.streams import streams

_KERNEL = """
.version 9.0
.target sm_90
.address_size 64
{declarations}
.visible .entry tested(.param .u64 given, .param .u64 found)
{{
    .reg .pred %p<9>; .reg .b16 %h<9>; .reg .b32 %r<9>; .reg .b64 %d<9>; .reg .f32 %f<9>; .reg .f64 %g<9>;
    .reg .b64 %given; .reg .b64 %found; .reg .b64 %offset; .reg .b32 %thread;
    ld.param.u64 %given, [given];
    ld.param.u64 %found, [found];
    mov.u32 %thread, %tid.x;
    mul.wide.u32 %offset, %thread, 8;
    add.s64 %found, %found, %offset;
    {body}
    ret;
}}
"""


@pytest.fixture
def cupy() -> Any:
    """Return the module."""
    import cupy

    return cupy


@pytest.fixture
def stream(cupy: Any) -> Any:
    """Return a stream that can be captured."""
    return cupy.cuda.Stream(non_blocking=True)


@pytest.fixture
def thread_local(cupy: Any) -> int:
    """Return the mode of capture in which the own thread must not allocate."""
    return int(cupy.cuda.runtime.streamCaptureModeThreadLocal)


@pytest.fixture(autouse=True)
def _no_capture_is_left() -> Iterator[None]:
    """Fail a test that leaves a capture open, and finish the queued work of streams."""
    yield
    left = streams.captures.copy()
    streams.captures.clear()
    assert not left
    streams.run_all()


@pytest.fixture
def run_ptx() -> Callable[..., np.ndarray]:
    """Return a function that runs instructions of PTX.

    ``%given`` is the address of the input, and ``%found`` the address of the thread's eight bytes of the result.
    """

    def run(body: str, given: Any = 0, *, threads: int = 1, declarations: str = "", result: str = "u8") -> np.ndarray:
        source = np.ascontiguousarray(given)
        found = np.zeros(threads, np.dtype("u8"))
        addresses = np.array([source.ctypes.data, found.ctypes.data], np.uintp)
        parameters = np.array([addresses.ctypes.data, addresses.ctypes.data + addresses.itemsize], np.uintp)
        driver = Driver()
        module = driver.moduleLoadData(_KERNEL.format(body=body, declarations=declarations).encode())
        kernel = driver.moduleGetFunction(module, "tested")
        driver.launchKernel(kernel, 1, 1, 1, threads, 1, 1, 0, 0, parameters.ctypes.data, 0)
        return found.view(result)[:: 8 // np.dtype(result).itemsize]

    return run


@pytest.fixture
def translate() -> Callable[[str], Any]:
    """Return a function that translates and compiles a PTX text."""
    return lambda text: compile_c(c_source(parse(text)))


@pytest.fixture
def refused() -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Return a context in which the emulator must raise an error, once and with this message."""

    @contextlib.contextmanager
    def expect(kind: type[EmulationError], match: str) -> Iterator[None]:
        with pytest.raises(kind, match=match) as caught:
            yield
        assert "\n" not in str(caught.value)
        assert take_errors() == [caught.value]

    return expect
