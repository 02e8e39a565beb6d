"""IDX files that are damaged, have a wrong size in their header, or are not regular files."""

import gzip
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cutedl_xp.datasets import _idx
from idx_files import SMALL, flipped, header, idx, refusal, refusal_within

both_shapes = pytest.mark.parametrize("array", [SMALL, SMALL.reshape(12)], ids=["3 dimensions", "1 dimension"])


@pytest.mark.parametrize(
    ("name", "end"), [("file", "and 1000 follow"), ("file.gz", " compressed bytes cannot hold so much")]
)
@pytest.mark.parametrize("shape", [(2**32 - 1, 28, 28), (2**32 - 1, 2**32 - 1, 2**32 - 1)])
def test_a_header_with_a_wrong_size_needs_no_memory(
    tmp_path: Path, name: str, end: str, shape: tuple[int, ...]
) -> None:
    content = header(*shape) + bytes(1000)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert refusal_within(8_000_000, path, 3).endswith(end)


def test_a_small_header_before_endless_bytes_needs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(SMALL) + bytes(50_000_000)))
    assert refusal_within(8_000_000, path, 3).startswith("is too long")


def test_a_compressed_file_that_could_fill_the_memory_is_refused_early(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    shape = (64_000, 28, 28)
    with gzip.open(path, "wb", 1) as file:
        file.write(header(*shape))
        file.write(bytes(math.prod(shape)))
    size = path.stat().st_size
    message = f"claims to expand from {size} bytes to {16 + math.prod(shape)}, more than 100 times as many; "
    assert refusal_within(8_000_000, path, 3) == message + "decompress it yourself if you trust it"


@pytest.mark.parametrize("shape", [(10_000, 28, 28), (1, 1 << 23)])
def test_blank_images_may_be_compressed_strongly(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Images of one colour expand a thousandfold; a small number of them is accepted."""
    path = tmp_path / "file.gz"
    array = np.zeros(shape, dtype=np.uint8)
    path.write_bytes(gzip.compress(idx(array)))
    if array.size == 1 << 23:
        assert "decompress it yourself" in refusal(path, len(shape))
    else:
        np.testing.assert_array_equal(_idx.read(path, len(shape)).array, array)


@pytest.mark.skipif(os.name != "posix", reason="other systems write the zeros of a sparse file to the disk")
def test_a_plain_file_may_not_fill_the_memory_either(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(header(2**31 + 1))
    os.truncate(path, 8 + 2**31 + 1)
    assert refusal_within(8_000_000, path, 1).startswith("is too large: its header says shape (2147483649,), ")


def test_the_largest_published_file_is_within_the_limit() -> None:
    assert _idx._LARGEST > 697_932 * 28 * 28  # the images of EMNIST ByClass


@both_shapes
def test_every_flipped_bit_of_a_plain_header(tmp_path: Path, array: NDArray[np.uint8]) -> None:
    path = tmp_path / "file"
    for bit in range(8 * (4 + 4 * array.ndim)):
        path.write_bytes(flipped(idx(array), bit))
        assert refusal(path, array.ndim), f"bit {bit}"


@both_shapes
def test_every_flipped_bit_of_a_compressed_header(tmp_path: Path, array: NDArray[np.uint8]) -> None:
    path = tmp_path / "file.gz"
    for bit in range(8 * (4 + 4 * array.ndim)):
        path.write_bytes(gzip.compress(flipped(idx(array), bit)))
        assert refusal(path, array.ndim), f"bit {bit}"


@both_shapes
def test_every_flipped_bit_of_a_gzip_stream(tmp_path: Path, array: NDArray[np.uint8]) -> None:
    """Changes in gzip's header, such as the time of writing, and in the padding of the last byte are harmless."""
    path = tmp_path / "file.gz"
    content = gzip.compress(idx(array))
    accepted = []
    for bit in range(8 * len(content)):
        path.write_bytes(flipped(content, bit))
        try:
            file = _idx.read(path, array.ndim)
        except ValueError:
            assert refusal(path, array.ndim), f"bit {bit}"
        else:
            np.testing.assert_array_equal(file.array, array, err_msg=f"bit {bit}")
            accepted.append(bit // 8)
    assert set(accepted) <= {*range(3, 10), len(content) - 9}  # checksum and length, 4 bytes each, follow the padding


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_a_fifo_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert "regular file" in refusal(tmp_path / name, 3)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        _idx.read(tmp_path, 3)
