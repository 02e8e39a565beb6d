"""Tests whether CuPy can use a CUDA device; the errors have the reason and the remedy."""

import os
from collections.abc import Callable
from typing import Any

from cutedl_xp.backends._base import BackendUnavailable

_INSTALL = 'pip install "cutedl_xp[cuda13]" (or [cuda12], to match the NVIDIA driver)'
_OR_CPU = "or run on the CPU with the backend 'numpy'"
_INSUFFICIENT_DRIVER, _NO_DEVICE = 35, 100  # CUDA's error numbers; the first also means that no driver exists
_OLDEST_WHEEL = 12  # the oldest CUDA that current CuPy has wheels for


def import_cupy() -> Any:
    """Import CuPy and return it."""
    try:
        import cupy  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        what = "is not installed" if error.name == "cupy" else f"cannot be imported ({_first_line(error)})"
        raise BackendUnavailable(f"CuPy {what}: {_INSTALL}") from error
    except OSError as error:  # the import creates the folder
        raise BackendUnavailable(_kernel_folder_fails(error)) from error
    return cupy


def device_count(cupy: Any) -> int:
    """Return the number of CUDA devices, at least 1."""
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendUnavailable(_why_none_answers(cupy.cuda.runtime, error)) from error
    if count == 0:
        raise BackendUnavailable(_none_is_visible())
    return count


def _why_none_answers(runtime: Any, error: Any) -> str:
    """Return the reason why CuPy can use no device, and the remedy."""
    if error.status == _NO_DEVICE:
        return _none_is_visible()
    if error.status == _INSUFFICIENT_DRIVER:
        driver, needed = runtime.driverGetVersion(), runtime.runtimeGetVersion()
        if driver == 0:
            return f"CuPy finds no NVIDIA driver: install it, so that nvidia-smi lists the GPU, {_OR_CPU}"
        if driver // 1000 < needed // 1000:  # any driver for 13.x supports any CuPy for 13.x
            return _driver_is_too_old(driver, needed // 1000)
    return f"CuPy reaches no CUDA device ({_first_line(error)}): repair the driver until nvidia-smi works, {_OR_CPU}"


def _none_is_visible() -> str:
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return f"CuPy sees no CUDA device: check that nvidia-smi lists one, {_OR_CPU}"
    return (
        f"CuPy sees no CUDA device with $CUDA_VISIBLE_DEVICES set to {chosen!r}: "
        f"unset it or name a device that nvidia-smi lists, {_OR_CPU}"
    )


def _driver_is_too_old(driver: int, needed: int) -> str:
    """Return the message for a driver, given its newest CUDA such as 12040, and the major version of CuPy's CUDA."""
    major, minor = driver // 1000, driver % 1000 // 10
    # Uninstalled first, because two packages would write over each other's files
    exchange = f'or pip uninstall cupy-cuda{needed}x and pip install "cupy-cuda{major}x[ctk]", '
    if major < _OLDEST_WHEEL:
        exchange = ""
    return (
        f"CuPy cannot start, as the NVIDIA driver is for CUDA {major}.{minor} "
        f"and this CuPy needs CUDA {needed}.0 or newer: update the driver, {exchange}{_OR_CPU}"
    )


def device_index(cupy: Any, device: str | None, count: int) -> int:
    """Return the number of the given device, or of the current device if None is given."""
    if device is None:
        return int(cupy.cuda.runtime.getDevice())
    if not device.isdecimal() or int(device) >= count:
        raise ValueError(f"CUDA device {device!r} does not exist; the devices here are 0 to {count - 1}")
    return int(device)


def _kernel_folder_fails(error: OSError) -> str:
    return f"CuPy cannot keep its kernels ({error}): set $CUPY_CACHE_DIR to a folder that can be written to, {_OR_CPU}"


def _first_line(error: Exception) -> str:
    """Return the first line of CuPy's message, without the advice that follows."""
    return next((line.strip() for line in str(error).splitlines() if line.strip(" =")), type(error).__name__)


def use(cupy: Any, device: Any, compute: Callable[[], None]) -> None:
    """Make a device the current device, and refuse it now if the first kernel would fail later.

    Parameters
    ----------
    cupy
        CuPy.
    device
        Device of CuPy. A refused device does not become the current device.
    compute
        Function that computes on the current device, and raises the error that a training would raise.
    """
    try:
        with device:
            compute()
        device.use()
    except Exception as error:  # CUDA's libraries, its memory and its compiler each have exceptions of their own
        raise BackendUnavailable(_why_it_cannot_compute(cupy.cuda.runtime, error)) from error


def _why_it_cannot_compute(runtime: Any, error: Exception) -> str:
    install = f'pip install "cupy-cuda{runtime.runtimeGetVersion() // 1000}x[ctk]"'
    if _is_missing_library(error):
        return f"CuPy lacks a CUDA library ({_first_line(error)}): {install}, {_OR_CPU}"
    if isinstance(error, OSError):
        return _kernel_folder_fails(error)
    return (
        f"CuPy cannot compute on this GPU ({_first_line(error)}): "
        f"check its state with nvidia-smi, renew CuPy with {install}, {_OR_CPU}"
    )


def _is_missing_library(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno is None  # an error with a number concerns a file, such as a kernel that CuPy keeps
    # By its name, because older versions of CuPy do not need NVIDIA's package cuda.pathfinder, which has the class
    not_found = "DynamicLibNotFoundError" in [each.__name__ for each in type(error).__mro__]
    return not_found or isinstance(error, ImportError)
