"""The article's Adam run with cutedl_xp, without numba."""

import runpy
import sys

sys.modules["numba"] = None  # type: ignore[assignment]  # so that importing it fails
runpy.run_module("benchmarks.programs.ours")
