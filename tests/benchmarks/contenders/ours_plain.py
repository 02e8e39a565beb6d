"""cutedl_xp on NumPy without numba."""

import sys
from typing import Any

sys.modules["numba"] = None  # type: ignore[assignment]  # so that importing it fails, before the package may try

from benchmarks.contenders import ours  # noqa: E402

step: Any = ours.step
update: Any = ours.update
fit: Any = ours.fit
