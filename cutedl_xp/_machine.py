"""Description of the machine, for measurements."""

import os
import platform
import re
from pathlib import Path

_TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"  # overrides the settings of every CUDA library
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def describe_machine() -> str:
    """Return a text of processor, cores, operating system, Python version, thread limits and TF32 override.

    Examples
    --------
    >>> from cutedl_xp._machine import describe_machine
    >>> "Python 3." in describe_machine()
    True
    """
    limits = [f"{name}={os.environ[name]}" for name in _THREAD_LIMITS if name in os.environ]
    return ", ".join(
        [
            f"{count_cores()} cores of {_read_processor_name()}",
            f"{platform.system()} {platform.machine()}",
            f"Python {platform.python_version()}",
            *(limits or ["threads as each library chooses"]),
            *describe_override(),
        ]
    )


def describe_override() -> list[str]:
    """Return a list with the setting that overrides the libraries' choice of TF32, empty if it is not set."""
    return [f"{_TF32_OVERRIDE}={os.environ[_TF32_OVERRIDE]}"] if _TF32_OVERRIDE in os.environ else []


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_load() -> float | None:
    """Return the load average of the last minute, or None if the operating system does not report it."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _read_processor_name() -> str:
    listing = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", listing.read_text()) if listing.is_file() else None
    return found[1].strip() if found else platform.processor() or "an unknown processor"
