"""Trainings that signals end at random moments, repeatedly, until they are complete."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutedl_xp import Backend

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the program that ends trainings forks them")

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def report_of(backend: Backend, record_property: Callable[..., None], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the program and returns its report."""
    if backend.name == "jax":
        pytest.skip("a process with JAX cannot be forked")

    def run(signals: str, ends: int, **variables: str) -> dict[str, Any]:
        seed = os.environ.get("CUTEDL_XP_DURABILITY_SEED", "0")
        arguments = [signals, backend.name, str(ends), seed, str(tmp_path)]
        paths = [str(_ROOT / "tests"), str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | one_thread | variables
        command = [sys.executable, "-m", "durability.killer", *arguments]  # processes with threads cannot be forked
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0
        report: dict[str, Any] = json.loads(done.stdout)
        record_property("figures", report["counts"])
        return report

    return run


def test_killed_trainings_end_as_undisturbed_ones(
    report_of: Callable[..., dict[str, Any]], number_of: Callable[[int, int], int]
) -> None:
    """Every rule, wrapper, layer, schedule and listener resumes with the same bits; no file is left or damaged."""
    kills = number_of(20, 200)
    report = report_of("SIGKILL", kills)
    assert report["failures"] == []
    assert report["counts"]["SIGKILL"] >= kills


@pytest.mark.parametrize("fused", ["1", "0"])
def test_interrupted_trainings_end_as_undisturbed_ones(
    report_of: Callable[..., dict[str, Any]], number_of: Callable[[int, int], int], backend: Backend, fused: str
) -> None:
    """Ctrl-C and SIGTERM, once or twice, raise no other error, interrupt no update and leave a complete checkpoint."""
    if fused == "0" and backend.name != "numpy":
        pytest.skip("compiled loops are NumPy's")
    ends = number_of(24, 400)
    report = report_of("SIGINT,SIGTERM", ends, CUTEDL_XP_FUSED=fused)
    assert report["failures"] == []
    assert all(report["counts"][name] for name in ("SIGINT", "SIGTERM", "SIGINT*2", "SIGTERM*2"))
