import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from cutedl_xp.datasets import _idx
from idx_files import SMALL, idx, refusal


@given(
    array=npst.arrays(np.uint8, npst.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5)),
    compressed=st.booleans(),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, array: NDArray[np.uint8], compressed: bool) -> None:
    content = idx(array)
    path = tmp_path_factory.mktemp("idx") / ("file.gz" if compressed else "file")
    path.write_bytes(gzip.compress(content) if compressed else content)
    file = _idx.read(path, array.ndim)
    assert file.path == path
    assert file.array.dtype == np.uint8
    np.testing.assert_array_equal(file.array, array)
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_larger_than_a_chunk(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (2, 1_500_000), dtype=np.uint8)
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(array), 1))
    np.testing.assert_array_equal(_idx.read(path, 2).array, array)


def test_a_gzip_file_of_several_members(tmp_path: Path) -> None:
    content = idx(SMALL)
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(content[:9]) + gzip.compress(content[9:]))
    np.testing.assert_array_equal(_idx.read(path, 3).array, SMALL)


@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_cut_off_at_every_byte(tmp_path: Path, name: str) -> None:
    content = gzip.compress(idx(SMALL)) if name.endswith(".gz") else idx(SMALL)
    path = tmp_path / name
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert "cut off" in refusal(path, 3), f"after {length} of {len(content)} bytes"


@pytest.mark.parametrize("length", range(len(idx(SMALL))))
def test_a_whole_gzip_stream_of_a_file_cut_off(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(SMALL)[:length]))
    assert "is cut off: it" in refusal(path, 3)  # its header or its end, not the stream's


def test_every_byte_of_a_gzip_stream_damaged(tmp_path: Path) -> None:
    content = gzip.compress(idx(SMALL), mtime=0)
    path = tmp_path / "file.gz"
    for position in range(10, len(content)):  # after gzip's header, which is mostly optional
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        assert refusal(path, 3), f"byte {position} of {len(content)}"


@pytest.mark.parametrize("name", ["file", "file.gz"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG" + bytes(40), "is not an IDX file: it begins with 89 50 4e 47, not with 00 00 08 03"),
        (b"\x00\x01\x08\x03" + bytes(40), "is not an IDX file: it begins with 00 01 08 03, not with 00 00 08 03"),
        (b"\x00\x00\x0d\x03" + bytes(40), "has elements of IDX type 0x0d; only unsigned bytes, 0x08, are read"),
        (idx(SMALL.reshape(12)), "has 1 dimensions; a file of this name has 3"),
        (idx(SMALL[None]), "has 4 dimensions; a file of this name has 3"),
        (b"\x00\x00\x08\x00\x07", "has 0 dimensions; a file of this name has 3"),
        (idx(SMALL)[:9], "is cut off: it ends after 9 bytes, within its header of 16"),
        (idx(SMALL)[:-1], "is cut off: its header says shape (2, 3, 2), 12 bytes, and 11 follow"),
        (idx(SMALL) + b"\0", "is too long: its header says shape (2, 3, 2), 12 bytes, and more follow"),
        (idx(SMALL) + idx(SMALL), "is too long: its header says shape (2, 3, 2), 12 bytes, and more follow"),
        (idx(SMALL[:0]), "holds nothing: its header says shape (0, 3, 2)"),
        (struct.pack(">4B3I", 0, 0, 8, 3, 0, 2**32 - 1, 2**32 - 1), "holds nothing"),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_refusals(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert refusal(path, 3).startswith(what)


def test_bytes_after_a_gzip_stream(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(SMALL)) + b"more")
    assert "gzip" in refusal(path, 3)


def test_not_gzip_though_named_so(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(idx(SMALL))
    assert refusal(path, 3).startswith("is named .gz and is not compressed with gzip")


def test_gzip_though_not_named_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx(SMALL)))
    assert refusal(path, 3).startswith("is compressed with gzip")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        _idx.read(tmp_path / "nowhere", 3)
