"""Damaged files of numba's cache, and read-only folders: a training continues, with one warning."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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
"""Program with a loop that is compiled for the types of its arguments, and the loop of a rule."""
PRINTED = "[0.  0.5 1. ]\n[0.75 0.75 0.75]\n"


def run(folder: Path, program: str = PROGRAM) -> list[str]:
    """Run a program in a separate process, check its output, and return the warnings."""
    settings = {"NUMBA_CACHE_DIR": str(folder), "CUTEDL_XP_FUSED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "always", "-c", program]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, PRINTED), done.stderr
    return [line for line in done.stderr.splitlines() if "Warning: " in line]


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


def everything(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with undamaged files."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder) == []
    assert len(files(folder)) == len(everything(folder)) == 2
    return folder


@pytest.fixture
def cache(whole: Path, tmp_path: Path) -> Path:
    """Return a separate folder for each test, with undamaged files."""
    return Path(shutil.copytree(whole, tmp_path / "cache"))


@pytest.mark.parametrize("sizes", [(0, 10), (30, 0)], ids=str)
def test_damaged_files_are_replaced(cache: Path, sizes: tuple[int, int]) -> None:
    damaged = files(cache)
    for path, size in zip(damaged, sizes, strict=True):
        path.write_bytes(path.read_bytes()[:size])
    (warning,) = run(cache)
    assert f"numba's cache in {cache}" in warning
    assert " is damaged (" in warning
    assert all(path.stat().st_size > 64 for path in damaged)
    assert run(cache) == []
    assert everything(cache) == damaged


def test_the_second_program_compiles_nothing(cache: Path) -> None:
    times = [path.stat().st_mtime_ns for path in everything(cache)]
    assert run(cache) == []
    assert [path.stat().st_mtime_ns for path in everything(cache)] == times


def test_a_file_that_cannot_be_replaced(cache: Path) -> None:
    for path in files(cache):
        path.unlink()
        path.mkdir()
        (path / "something").touch()
    assert len(run(cache)) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_instead_of_a_file_does_not_block(cache: Path) -> None:
    for path in files(cache):
        path.unlink()
        os.mkfifo(path)
    (warning,) = run(cache)
    assert "is not a regular file" in warning
    assert run(cache) == []


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
    assert everything(tmp_path) == []


LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of file sizes here")
def test_a_limit_of_file_sizes(tmp_path: Path) -> None:
    (warning,) = run(tmp_path, LIMIT + PROGRAM)
    assert " cannot be written (" in warning
    assert "File too large" in warning
    assert everything(tmp_path) == []


NO_FOLDER = """
import numba.core.caching
numba.core.caching.CacheImpl._locator_classes = []
"""


def test_without_a_folder(tmp_path: Path) -> None:
    (warning,) = run(tmp_path, NO_FOLDER + PROGRAM)
    assert " has no folder (" in warning
    assert "$NUMBA_CACHE_DIR" in warning


VANISHED = """
import os, shutil
from cutedl_xp.backends import _numba
shutil.rmtree(os.environ["NUMBA_CACHE_DIR"])
"""
REPLACED_BY_A_FILE = VANISHED + "open(os.environ['NUMBA_CACHE_DIR'], 'w').close()"


def test_a_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    assert run(tmp_path / "cache", VANISHED + PROGRAM) == []
    assert len(files(tmp_path)) == 2


def test_a_folder_that_cannot_be_made_again(tmp_path: Path) -> None:
    (warning,) = run(tmp_path / "cache", REPLACED_BY_A_FILE + PROGRAM)
    assert "; to choose another folder set $NUMBA_CACHE_DIR" in warning


OTHER_NUMBA = {
    "no class": """
import numba.core.caching as caching
FunctionCache = caching.FunctionCache
del caching.FunctionCache
import cutedl_xp.backends._numba_cache
caching.FunctionCache = FunctionCache
""",
    "no attribute": """
import numba.core.caching as caching
del caching.IndexDataCacheFile._dump
""",
}


@pytest.mark.parametrize("change", OTHER_NUMBA.values(), ids=OTHER_NUMBA)
def test_a_version_of_numba_with_another_cache(tmp_path: Path, change: str) -> None:
    (warning,) = run(tmp_path, change + PROGRAM)
    assert " cannot be used (" in warning
    assert everything(tmp_path) == []


def test_processes_that_write_the_same_files_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(run, [tmp_path] * 3)) == [[]] * 3
    assert len(files(tmp_path)) == len(everything(tmp_path)) == 2
    assert run(tmp_path) == []
