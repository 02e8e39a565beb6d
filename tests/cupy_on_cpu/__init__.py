"""The real CuPy wheel, executed without a GPU, for tests.

CuPy's own Python and compiled code runs, generates its CUDA sources and compiles them to PTX with NVIDIA's compiler
(NVRTC), as on a GPU. The PTX is then translated to C, compiled with gcc and run on the CPU, one thread after another.
NumPy computes matrix products, for CuPy and for callers that load cuBLAS themselves. Streams queue their work until
something waits for it, and can be captured into graphs. Launches, matrix products, graphs and copies to the host are
counted exactly.

Call ``install()`` before CuPy is imported; then::

    reset_counts()
    ...
    counts().launches, counts().gemms, counts().graphs, counts().host_copies

Emulation checks that CuPy accepts the calls of the package, that the generated kernels compute the right values, that
no kernel has a race between barriers which sequential threads show, how many launches and copies are made, that
captures make no calls which CUDA forbids during captures, and that nothing reads values that a non-blocking stream has
not yet written.

Emulation cannot show speed, most races, cuBLAS's own rounding (including TF32), and limits of memory. It does not
support ``cupy.random``, sorting (precompiled kernels), FFT and solvers, several devices, and captures of several
streams, and raises an error for them. The emulator depends on the internals of one version of CuPy, which is therefore
pinned.
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
    """Return the reason why CuPy cannot be emulated on this machine, or None."""
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
        If CuPy cannot be emulated on this machine, or has been imported already.
    """
    global _installed
    reason = reason_against()
    if reason:
        raise RuntimeError(f"CuPy cannot be emulated: {reason}")
    if "cupy" in sys.modules:
        raise RuntimeError("cupy_on_cpu.install() must come before the first import of cupy")
    os.environ["CUPY_COMPILE_WITH_PTX"] = "1"
    os.environ["CUPY_ACCELERATORS"] = ""  # CUB's reductions are precompiled
    os.environ.setdefault("CUPY_NVRTC_USE_PCH", "1")  # CUDA's headers are read once per process
    os.environ.setdefault("CUPY_CACHE_DIR", str(cache_folder() / "cupy"))
    _replace_lower_layers()
    import cupy
    import cupy.cuda.compiler

    from cupy_on_cpu.refused import refuse

    refuse(cupy)
    source_log.follow(cupy.cuda.compiler)
    _installed = True


def _pins() -> dict[str, str]:
    """Return the required version of each package."""
    lines = (Path(__file__).parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def is_installed() -> bool:
    """Return whether CuPy is emulated in this process."""
    return _installed


def is_capturing() -> bool:
    """Return whether the capture of a stream has begun and not ended."""
    return bool(all_streams.captures)


def _replace_lower_layers() -> None:
    """Replace the CUDA runtime, driver and cuBLAS, before CuPy's core looks for them."""
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
    """Return the requests to the device since :func:`reset_counts`."""
    return counter.counts


def reset_counts() -> None:
    """Reset the counts."""
    counter.counts = Counts()


@contextmanager
def launched_sources() -> Iterator[dict[CudaSource, None]]:
    """Return a context with the CUDA sources of the kernels that are launched in it, compiled there or earlier."""
    with counter.launched_sources() as sources:
        yield sources
