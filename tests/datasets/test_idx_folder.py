"""Folders of IDX files, such as those of EMNIST."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from cutedl_xp.datasets import idx_folder, read_idx
from idx_files import SMALL, idx

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([1, 3, 2, 1], dtype=np.uint8)


def write(folder: Path, name: str = "", test: str = "test") -> None:
    for kind, count in (("train", 4), (test, 2)):
        (folder / f"{name}{kind}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES[:count])))
        (folder / f"{name}{kind}-labels-idx1-ubyte").write_bytes(idx(LABELS[:count]))


def test_a_file_has_any_number_of_dimensions(tmp_path: Path) -> None:
    for array in (SMALL, SMALL[0], SMALL[0, 0]):
        (tmp_path / "file").write_bytes(idx(np.ascontiguousarray(array)))
        np.testing.assert_array_equal(read_idx(str(tmp_path / "file")), array)
    (tmp_path / "file").write_bytes(bytes((0, 0, 8, 0)) + b"x")
    with pytest.raises(ValueError, match="has no dimensions"):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize(("name", "test"), [("", "t10k"), ("emnist-letters", "test")])
def test_labels_begin_at_the_offset(tmp_path: Path, name: str, test: str) -> None:
    write(tmp_path, f"{name}-" if name else "", test)
    train, tested = idx_folder(tmp_path, name, batch_size=3, one_hot=False, label_offset=1)
    assert train.labels.tolist() == [0, 2, 1, 0]
    assert (train.sample_shape, train.batch_size, train.shuffle, tested.shuffle) == ((6,), 3, True, False)
    assert tested.size == 2
    np.testing.assert_array_equal(train.data, IMAGES.reshape(4, 6))
    one_hot, _ = idx_folder(tmp_path, name, label_offset=1)
    np.testing.assert_array_equal(one_hot.labels, np.eye(3)[[0, 2, 1, 0]])


def test_images_are_transposed(tmp_path: Path) -> None:
    write(tmp_path)
    train, _ = idx_folder(tmp_path, flatten=False, transpose=True)
    np.testing.assert_array_equal(train.data, IMAGES.transpose(0, 2, 1))


def test_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="must have the file train-images-idx3-ubyte, plain or"):
        idx_folder(tmp_path)
    write(tmp_path)
    with pytest.raises(ValueError, match=r"`label_offset` must be at most the smallest label of .*, 1; got 2"):
        idx_folder(tmp_path, label_offset=2)
    (tmp_path / "test-labels-idx1-ubyte").write_bytes(idx(LABELS))
    with pytest.raises(ValueError, match="got 2 images and 4 labels"):
        idx_folder(tmp_path)
    (tmp_path / "test-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES[:, :2])))
    with pytest.raises(ValueError, match="must have one shape"):
        idx_folder(tmp_path)
