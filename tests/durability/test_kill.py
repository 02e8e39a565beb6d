"""Trainings that SIGKILL ends at random moments, again and again, until they have come to their end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cutedl_xp import Backend

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the program that kills trainings forks them")

_ROOT = Path(__file__).parents[2]


def test_killed_trainings_end_as_undisturbed_ones(
    backend: Backend, number_of: Callable[[int, int], int], record_property: Callable[..., None], tmp_path: Path
) -> None:
    """Every rule, wrapper, layer, schedule and listener is resumed to the last bit, and no file is left or damaged."""
    kills = number_of(4 if backend.name == "jax" else 20, 200)
    seed = os.environ.get("CUTEDL_XP_DURABILITY_SEED", "0")
    command = [sys.executable, "-m", "durability.killer", backend.name, str(kills), seed, str(tmp_path)]
    paths = [str(_ROOT / "tests"), str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | one_thread  # threads cannot be forked
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    record_property("figures", {name: value for name, value in report.items() if name != "failures"})
    assert report["failures"] == []
    assert report["kills"] >= kills
    assert report["loads"] > 0
