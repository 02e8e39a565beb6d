"""CUDA sources that CuPy generates, and NVIDIA's compiler, which needs no GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
"""Compute capabilities, times ten, from Turing to Blackwell: the main targets of CUDA 13."""


@dataclass(frozen=True)
class CudaSource:
    """A CUDA program and CuPy's options for its compilation, without the architecture."""

    text: str
    options: tuple[str, ...] = ()


def compile_for(source: CudaSource, architecture: int) -> str:
    """Return the PTX of a CUDA program for a compute capability such as 75, or raise CuPy's CompileException.

    This requires CuPy and NVRTC, but neither a GPU nor the emulator.
    """
    from cupy.cuda import compiler

    options = (*source.options, f"-arch=compute_{architecture}", "--device-as-default-execution-space", "--pch")
    program = compiler._NVRTCProgram(source.text, "kernel.cu", method="ptx")
    image, _ = program.compile(options)
    return str(image.decode().rstrip("\0"))


class SourceLog:
    """The CUDA source that CuPy is compiling, or loading from its cache."""

    def __init__(self) -> None:
        self.current: CudaSource | None = None

    def follow(self, compiler: Any) -> None:
        """Record every source that passes through ``cupy.cuda.compiler``."""
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
