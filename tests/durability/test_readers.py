"""Damaged files of every kind: a reader raises one sentence, or returns exactly the content of the file."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import Model
from cutedl_xp.datasets import _idx
from durability import readers
from durability.mutator import Mutator
from idx_files import header, idx

MOST_MEMORY = 300_000_000
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("name", readers.READERS)
def test_damaged_files(
    tmp_path: Path, name: str, number_of: Callable[[int, int], int], record_property: Callable[[str, str], None]
) -> None:
    """A separate process reads them, because a peak of memory belongs to a process."""
    inputs = number_of(300, 1_000_000)
    command = [sys.executable, "-W", "error", "-m", "durability.readers", name, str(inputs), "0", str(tmp_path)]
    path = os.pathsep.join([str(TESTS), *sys.path])
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    record_property("figures", done.stdout.strip())
    assert result["accepted"] + result["refused"] == inputs
    assert result["refused"] > inputs // 2
    assert result["peak"] < MOST_MEMORY


def read_idx(path: Path, content: bytes, decompressed: bytes) -> None:
    path.write_bytes(content)
    try:
        array = _idx.read(path, 3).array
    except ValueError as error:
        message = str(error)
        assert message.startswith(f"{path} ") and "\n" not in message  # noqa: PT018
    else:
        assert idx(array) == decompressed


@given(shape=st.tuples(*[st.integers(0, 5)] * 3), content=st.binary(max_size=130), whole=st.booleans())
def test_any_content_of_an_idx_file(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int], content: bytes, whole: bool
) -> None:
    if whole:
        content = header(*shape) + content
    read_idx(tmp_path_factory.mktemp("idx") / "file", content, content)
    read_idx(tmp_path_factory.mktemp("idx") / "file.gz", gzip.compress(content), content)


@given(content=st.binary(max_size=200), length=st.integers(0, 250))
def test_any_content_of_a_model_file(tmp_path_factory: pytest.TempPathFactory, content: bytes, length: int) -> None:
    path = tmp_path_factory.mktemp("model") / "file"
    path.write_bytes(length.to_bytes(8, "little") + content)
    with pytest.raises(ValueError, match=r"file (is not a whole safetensors file|has no header of cutedl_xp)"):
        Model.load(path, backend="numpy")


def test_the_mutator_repeats_itself() -> None:
    sample = idx(readers.ARRAYS[0])
    first, second, other = Mutator([sample], 0), Mutator([sample], 0), Mutator([sample], 1)
    made = [first() for _ in range(100)]
    assert made == [second() for _ in range(100)]
    assert made != [other() for _ in range(100)]


def test_the_mutator_damages_every_place() -> None:
    sample = bytes(range(40))
    mutator = Mutator([sample], 0)
    made = [mutator() for _ in range(3000)]
    assert len(set(made)) > 2000
    assert min(map(len, made)) == 0
    changed = {i for content in made if len(content) == 40 for i in range(40) if content[i] != sample[i]}
    assert changed == set(range(40))


def test_the_mutator_is_bounded() -> None:
    mutator = Mutator([bytes(5000)], 0, largest=6000)
    assert max(len(mutator()) for _ in range(1000)) == 6000
