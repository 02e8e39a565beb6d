"""CUDA sources that CuPy writes, and NVIDIA's compiler, which needs no GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
"""Compute capabilities, times ten, from Turing to Blackwell: all that CUDA 13 compiles for, without minor ones."""


@dataclass(frozen=True)
class CudaSource:
    """A CUDA program and the options that CuPy compiles it with, the architecture left out."""

    text: str
    options: tuple[str, ...] = ()


def compile_for(source: CudaSource, architecture: int) -> str:
    """The PTX of a CUDA program for a compute capability such as 75; raises CuPy's CompileException if there is none.

    It needs CuPy and NVRTC, but neither a GPU nor the emulator.
    """
    from cupy.cuda import compiler

    options = (*source.options, f"-arch=compute_{architecture}", "--device-as-default-execution-space", "--pch")
    program = compiler._NVRTCProgram(source.text, "kernel.cu", method="ptx")
    image, _ = program.compile(options)
    return str(image.decode().rstrip("\0"))


class SourceLog:
    """Which CUDA source CuPy is compiling, or taking from its cache, just now."""

    def __init__(self) -> None:
        self.current: CudaSource | None = None

    def follow(self, compiler: Any) -> None:
        """Note every source that passes through ``cupy.cuda.compiler``."""
        original: Callable[..., Any] = compiler._compile_with_cache_cuda

        def noting(source: str, options: tuple[str, ...], *rest: Any, **named: Any) -> Any:
            with self._noted(CudaSource(source, (*options, "-ftz=true"))):
                return original(source, options, *rest, **named)

        compiler._compile_with_cache_cuda = noting

    @contextmanager
    def _noted(self, source: CudaSource) -> Iterator[None]:
        self.current = source
        try:
            yield
        finally:
            self.current = None


source_log = SourceLog()
