"""The machine that figures come from, in words."""

import os
import platform
import re
from pathlib import Path

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def described() -> str:
    """Processor, cores, system and Python, and what limits the threads."""
    limits = [f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ]
    return ", ".join(
        [
            f"{cores()} cores of {_processor()}",
            f"{platform.system()} {platform.machine()}",
            f"Python {platform.python_version()}",
            *(limits or ["threads as each library chooses"]),
        ]
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """How many processes wanted a core in the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _processor() -> str:
    """The name that the system gives it."""
    listing = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", listing.read_text()) if listing.is_file() else None
    return found[1].strip() if found else platform.processor() or "an unknown processor"
