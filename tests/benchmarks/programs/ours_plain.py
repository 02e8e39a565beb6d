"""The article's Adam run with cutedl_xp where numba is not installed."""

import runpy
import sys

sys.modules["numba"] = None  # type: ignore[assignment]  # so that importing it fails
runpy.run_module("benchmarks.programs.ours")
