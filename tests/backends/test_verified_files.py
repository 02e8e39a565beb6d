"""Files of compiled functions: damaged ones are never unpickled, and trainings stay correct."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("numba")

from cutedl_xp.backends._numba_cache import VerifiedFiles

KEY, CODE = ("float32", "x86_64"), {"machine code": b"\x90" * 8}


def of(folder: Path, version: str = "0.68", stamp: str = "source") -> VerifiedFiles:
    numbas = SimpleNamespace(_cache_path=str(folder), _version=version, _source_stamp=stamp, _dump=pickle.dumps)
    return VerifiedFiles("function", numbas)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that contains CODE."""
    of(tmp_path).save(KEY, CODE)
    (path,) = tmp_path.iterdir()
    return path


def test_code_is_loaded_as_saved(tmp_path: Path) -> None:
    files = of(tmp_path)
    assert files.load(KEY) is None
    for code in (CODE, "other code"):
        files.save(KEY, code)
        assert files.load(KEY) == code
    assert len(list(tmp_path.iterdir())) == 1
    assert files.load(("float64", "x86_64")) is None


def test_every_flipped_bit_is_found(file: Path) -> None:
    content = file.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            file.write_bytes(damaged)
            with pytest.raises(ValueError, match=r" differs from its digest$"):
                of(file.parent).load(KEY)


def test_every_missing_or_added_end_is_found(file: Path) -> None:
    content = file.read_bytes()
    for damaged in [content + b"\0", content * 2, *(content[:size] for size in range(len(content)))]:
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r" differs from its digest$"):
            of(file.parent).load(KEY)


class Harmful:
    """Object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_file_with_a_wrong_digest_is_not_unpickled(file: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    file.write_bytes(file.read_bytes()[:64] + pickle.dumps(Harmful(trace)))
    with pytest.raises(ValueError, match=r" differs from its digest$"):
        of(tmp_path).load(KEY)
    assert not trace.exists()


def test_versions_of_numba_share_a_folder(tmp_path: Path) -> None:
    for version in ("0.61", "0.68"):
        of(tmp_path, version).save(KEY, version)
    assert [of(tmp_path, version).load(KEY) for version in ("0.61", "0.68")] == ["0.61", "0.68"]


def test_code_of_a_changed_source_file_is_replaced(tmp_path: Path) -> None:
    of(tmp_path, stamp="old").save(KEY, "old code")
    assert of(tmp_path, stamp="new").load(KEY) is None
    of(tmp_path, stamp="new").save(KEY, "new code")
    assert of(tmp_path, stamp="new").load(KEY) == "new code"
    assert len(list(tmp_path.iterdir())) == 1


def test_files_that_killed_processes_left_are_removed(tmp_path: Path) -> None:
    old, new = tmp_path / "other.0.nbc.0.tmp", tmp_path / "other.0.nbc.1.tmp"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    of(tmp_path).save(KEY, CODE)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        of(tmp_path).save(KEY, CODE)
    assert list(tmp_path.iterdir()) == []


TRAINING = """
import random, sys, warnings
from pathlib import Path
import numpy as np
import cutedl_xp as cdl
from cutedl_xp.backends import numpy as numpy_backend

def train():
    sys.modules.pop("cutedl_xp.backends._numba", None)  # the next training loads or compiles everything again
    vars(cdl.backends).pop("_numba", None)
    numpy_backend._import_loops.cache_clear()
    r = np.random.default_rng(0)
    x, y = r.integers(0, 256, (24, 5), dtype="u1"), np.eye(3, dtype="f4")[r.integers(0, 3, 24)]
    model = cdl.Model([cdl.layers.Dense(3, input_dim=5, activation="relu")]).assemble("numpy", seed=0)
    session = cdl.Session(model, cdl.losses.CategoricalCrossentropy(), cdl.optimizers.Adam(0.1))
    session.fit(cdl.Dataset(x, y, 8, scale=1 / 255), 2)
    return [array.tobytes() for array in model.weights().values()]

folder, count = Path(sys.argv[1]), int(sys.argv[2])
warnings.simplefilter("ignore")
right = train()
files = sorted(folder.rglob("*.nbc"))
assert len(files) >= 5, files
contents = {path: path.read_bytes() for path in files}
choose = random.Random(0)
for _ in range(count):
    path = choose.choice(files)
    whole = contents[path]
    damaged = bytearray(whole)
    match choose.randrange(4):
        case 0:
            del damaged[choose.randrange(len(whole)):]
        case 1:
            damaged[choose.randrange(len(whole))] ^= 1 << choose.randrange(8)
        case 2:
            start = choose.randrange(len(whole))
            damaged[start : start + 512] = bytes(len(damaged[start : start + 512]))  # a sector that was never written
        case 3:
            damaged[:] = choose.randbytes(len(whole))
    path.write_bytes(damaged)
    assert train() == right
    assert path.read_bytes()[64:] != damaged[64:] or damaged == whole
    assert not [each for each in folder.rglob("*.tmp")]
print("ok")
"""


def test_a_training_with_damaged_files_is_right(tmp_path: Path, number_of: Callable[[int, int], int]) -> None:
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path),
        "CUTEDL_XP_FUSED": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", TRAINING, str(tmp_path), str(number_of(6, 300))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
