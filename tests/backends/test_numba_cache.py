"""Damaged files of numba's cache, and folders that cannot be written to: a training goes on, with one warning."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

PROGRAM = """
import numpy as np
from cutedl_xp import get_backend
from cutedl_xp.optimizers import Fixed
backend = get_backend("numpy")
print(backend.convert(np.arange(3, dtype="uint8"), np.dtype("float32"), 0.5))
(w,) = backend.apply_rule(Fixed().rule, [np.ones(3), np.ones(3)], [0.25])
print(w)
"""
"""Runs a loop that is compiled for the types of its arguments, and the loop of a rule."""
PRINTED = "[0.  0.5 1. ]\n[0.75 0.75 0.75]\n"


def run(folder: Path, program: str = PROGRAM) -> list[str]:
    """Run a program in a process of its own, check what it prints, and return the warnings."""
    settings = {"NUMBA_CACHE_DIR": str(folder), "CUTEDL_XP_FUSED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "always", "-c", program]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, PRINTED), done.stderr
    return [line for line in done.stderr.splitlines() if "Warning: " in line]


def files(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.rglob(f"*.{suffix}"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with undamaged files."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder) == []
    assert len(files(folder, "nbi")) == len(files(folder, "nbc")) == 2
    return folder


@pytest.fixture
def cache(whole: Path, tmp_path: Path) -> Path:
    """A folder of the test's own with undamaged files."""
    return Path(shutil.copytree(whole, tmp_path / "cache"))


@pytest.mark.parametrize("sizes", [(0, 10), (30, 0)], ids=str)
def test_damaged_files_are_replaced(cache: Path, sizes: tuple[int, int]) -> None:
    damaged = files(cache, "nbi")[0], files(cache, "nbc")[1]  # of one loop the index, and of the other the code
    for path, size in zip(damaged, sizes, strict=True):
        path.write_bytes(path.read_bytes()[:size])
    (warning,) = run(cache)
    assert f"numba's cache in {cache}" in warning
    assert " is damaged (" in warning
    assert all(path.stat().st_size > 30 for path in damaged)
    assert run(cache) == []


def test_a_file_that_cannot_be_replaced(cache: Path) -> None:
    for path in files(cache, "nbi"):
        path.unlink()
        path.mkdir()
        (path / "something").touch()
    assert len(run(cache)) == 1


FULL_DISK = """
import builtins
original = builtins.open

def on_a_full_disk(path, mode="r", *rest, **options):
    if ".nb" in str(path) and "w" in mode:
        raise OSError(28, "No space left on device")
    return original(path, mode, *rest, **options)

builtins.open = on_a_full_disk
"""


def test_a_full_disk(tmp_path: Path) -> None:
    (warning,) = run(tmp_path, FULL_DISK + PROGRAM)
    assert " cannot be written (" in warning
    assert "No space left on device" in warning
    assert files(tmp_path, "nbi") == []


NO_FOLDER = """
import numba.core.caching
numba.core.caching.CacheImpl._locator_classes = []
"""


def test_without_a_folder(tmp_path: Path) -> None:
    (warning,) = run(tmp_path, NO_FOLDER + PROGRAM)
    assert " has no folder (" in warning
    assert "$NUMBA_CACHE_DIR" in warning
