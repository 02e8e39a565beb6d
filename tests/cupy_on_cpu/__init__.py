"""The real CuPy wheel, executed without a GPU: for tests.

CuPy's own Python and compiled code runs, writes its CUDA sources and has NVIDIA's compiler (NVRTC) make PTX of them,
as on a GPU. The PTX is then translated to C, compiled with gcc and run on the CPU, one thread after another. NumPy
computes matrix products, for CuPy and for callers that load cuBLAS themselves. Streams keep their work until something
waits for it, and can be captured into graphs. Launches, matrix products, graphs and copies to the host are counted
exactly.

``install()`` comes before anything imports CuPy; then::

    reset_counts()
    ...
    counts().launches, counts().gemms, counts().graphs, counts().host_copies

What this shows: that CuPy accepts what the package asks of it, that the generated kernels compute the right values,
that none has a race between barriers that taking turns would show, how many launches and copies there are, that a
capture does nothing that CUDA forbids during captures, and that nobody reads what a non-blocking stream has yet to
write.

What it cannot show: speed, most races, cuBLAS's own rounding (TF32 among it), limits of memory. What it lacks and
refuses: ``cupy.random``, sorting (precompiled kernels), FFT and solvers, several devices, captures of several streams.
The way in is through the insides of one version of CuPy, so that is pinned.
"""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cupy_on_cpu.compiler import cache_folder, find_compiler
from cupy_on_cpu.counting import Counts, counter
from cupy_on_cpu.errors import EmulationError, KernelFault, Unsupported, take_errors
from cupy_on_cpu.nvrtc import ARCHITECTURES, CudaSource, compile_for, source_log
from cupy_on_cpu.streams import streams as all_streams

__all__ = [
    "ARCHITECTURES",
    "Counts",
    "CudaSource",
    "EmulationError",
    "KernelFault",
    "Unsupported",
    "compile_for",
    "counts",
    "install",
    "is_capturing",
    "is_installed",
    "launched_sources",
    "reason_against",
    "reset_counts",
    "take_errors",
]

_installed = False


def reason_against() -> str | None:
    """Why CuPy cannot be emulated here, or None if it can."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return f"the wheels are for Linux on x86_64 and aarch64, and this is {sys.platform} on {platform.machine()}"
    for package, version in _pins().items():
        try:
            found = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found = "not"
        if found != version:
            return (
                f"{package} {version} is needed, {found} installed: pip install -r tests/cupy_on_cpu/requirements.txt"
            )
    if find_compiler() is None:
        return "gcc is not installed"
    return None


def install() -> None:
    """Make CuPy, when it is imported, find one emulated device.

    Raises
    ------
    RuntimeError
        If it cannot be emulated here, or CuPy has been imported already.
    """
    global _installed
    reason = reason_against()
    if reason:
        raise RuntimeError(f"CuPy cannot be emulated: {reason}")
    if "cupy" in sys.modules:
        raise RuntimeError("cupy_on_cpu.install() must come before the first import of cupy")
    os.environ["CUPY_COMPILE_WITH_PTX"] = "1"
    os.environ["CUPY_ACCELERATORS"] = ""  # CUB's reductions are precompiled
    os.environ.setdefault("CUPY_NVRTC_USE_PCH", "1")  # CUDA's headers are read once a process
    os.environ.setdefault("CUPY_CACHE_DIR", str(cache_folder() / "cupy"))
    _replace_lower_layers()
    import cupy
    import cupy.cuda.compiler

    from cupy_on_cpu.refused import refuse

    refuse(cupy)
    source_log.follow(cupy.cuda.compiler)
    _installed = True


def _pins() -> dict[str, str]:
    """The version of each package that is needed."""
    lines = (Path(__file__).parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def is_installed() -> bool:
    """Whether CuPy is emulated in this process."""
    return _installed


def is_capturing() -> bool:
    """Return whether the capture of a stream has begun and not ended."""
    return bool(all_streams.captures)


def _replace_lower_layers() -> None:
    """Put the host in the place of the CUDA runtime, driver and cuBLAS, before CuPy's core looks for them."""
    import cupy_backends.cuda.api.driver
    import cupy_backends.cuda.api.runtime
    import cupy_backends.cuda.libs

    from cupy_on_cpu import cublas, cublas_library, driver, entry_points, runtime

    api, libs = cupy_backends.cuda.api, cupy_backends.cuda.libs
    entry_points.replace_all(api.runtime, runtime.Runtime(api.runtime).answers(), keep=runtime.WORKS_AS_IT_IS)
    entry_points.replace_all(api.driver, driver.Driver().answers(), keep=driver.WORKS_AS_IT_IS)
    libs.cublas = sys.modules["cupy_backends.cuda.libs.cublas"] = cublas.make_module()
    cublas_library.replace_in_pathfinder()


def counts() -> Counts:
    """What was asked of the device since :func:`reset_counts`."""
    return counter.counts


def reset_counts() -> None:
    """Begin to count anew."""
    counter.counts = Counts()


@contextmanager
def launched_sources() -> Iterator[dict[CudaSource, None]]:
    """A context with the CUDA sources of the kernels that are launched in it, compiled there or before."""
    with counter.launched_sources() as sources:
        yield sources
