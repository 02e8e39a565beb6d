"""Data sets in files, and errors for invalid files."""

import contextlib
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp.studies import data

X = np.arange(60.0).reshape(20, 3) % 7
Y = np.arange(20) % 2


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes an archive with arrays and returns its path."""

    def write(**arrays: Any) -> str:
        np.savez(tmp_path / "own.npz", **arrays)
        return str(tmp_path / "own.npz")

    return write


def refusal(path: str, **options: Any) -> str:
    """Return the error message for the file, with a short name instead of its path."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is what the tests look at
        data.load(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message.replace(path, Path(path).name)


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (Y, ("0", "1")),
        (Y.astype(np.float32) * 3, ("0", "3")),
        (Y.reshape(-1, 1), ("0", "1")),
        (Y == 1, ("False", "True")),
        (np.array(["dog", "cat"])[Y], ("cat", "dog")),
        (np.eye(2)[Y], ("0", "1")),
        (np.array([10, 9])[Y], ("9", "10")),
    ],
)
def test_classes_of_an_archive(y: np.ndarray, names: tuple[str, ...], save: Callable[..., str]) -> None:
    parts = data.load(save(x=X, y=y))
    assert parts.class_names == names
    assert (parts.name, parts.scale) == ("own.npz", None)
    assert [len(x) for x, _ in (parts.train, parts.validation, parts.test)] == [14, 2, 4]


def test_bytes_of_an_archive_keep_their_type_and_are_flattened(save: Callable[..., str]) -> None:
    images = np.arange(20 * 12, dtype=np.uint8).reshape(20, 3, 4)
    parts = data.load(save(x=images, y=Y, x_test=images[:6], y_test=Y[:6]))
    assert (parts.train[0].dtype, parts.train[0].shape, parts.scale) == (np.uint8, (18, 12), 1 / 255)
    np.testing.assert_array_equal(parts.test[0], images[:6].reshape(6, 12))


def test_test_samples_of_an_archive_are_standardised_as_the_training_samples(save: Callable[..., str]) -> None:
    parts = data.load(
        save(x=X, y=np.array(["dog", "cat"])[Y], x_test=X[:3] + 1, y_test=np.array(["dog"] * 3)), validation="test"
    )
    np.testing.assert_allclose(parts.test[0], (X[:3] + 1 - X.mean(axis=0)) / X.std(axis=0), rtol=1e-5, atol=1e-6)
    assert parts.test[1].tolist() == [[0.0, 1.0]] * 3


def test_constant_feature_becomes_zero(save: Callable[..., str]) -> None:
    x = np.concatenate([X, np.full((20, 1), 0.1)], axis=1)
    assert np.abs(data.load(save(x=x, y=Y)).train[0][:, 3]).max() < 1e-6


NPZ_FAULTS = {
    "no y": ({"x": X}, "own.npz must have the arrays x and y; got 'x': save it with np.savez"),
    "half a test": (
        {"x": X, "y": Y, "x_test": X},
        "own.npz must have both x_test and y_test, or none of them; got 'x', 'y', 'x_test'",
    ),
    "lengths": ({"x": X, "y": Y[:-1]}, "x and y of own.npz must have one length; got 20 and 19 samples"),
    "flat x": ({"x": X[:, 0], "y": Y}, "x of own.npz must have a row of at least one feature for each sample; got"),
    "empty": ({"x": X[:0], "y": Y[:0]}, "x of own.npz must have a row of at least one feature for each sample; got"),
    "text x": ({"x": X.astype(str), "y": Y}, "x of own.npz must be an array of real numbers; got an array of dtype <U"),
    "complex x": ({"x": X * 1j, "y": Y}, "x of own.npz must be an array of real numbers; got an array of dtype compl"),
    "nan": (
        {"x": np.where(X[4, 1] == X, np.nan, X), "y": Y},
        "x of own.npz must be finite numbers of at most 1e+100; got nan in row 2, column 0: correct",
    ),
    "huge": ({"x": X * 1e200, "y": Y}, "x of own.npz must be finite numbers of at most 1e+100; got 1e+200 in row 0, "),
    "one class": ({"x": X, "y": Y * 0}, "own.npz must have samples of at least 2 classes; got 20 of one class: name"),
    "single": (
        {"x": X, "y": np.arange(20) // 19},
        "own.npz must have at least 2 samples of each class; got 1 of class '1': remove this sample, or name the",
    ),
    "fractions": ({"x": X, "y": Y / 2}, "y of own.npz must be classes, whole numbers or texts; got fractions, "),
    "nan class": (
        {"x": X, "y": np.where(Y == 0, np.nan, 1.0)},
        "y of own.npz must be classes, whole numbers or texts; got fractions, ",
    ),
    "many columns": ({"x": X, "y": np.eye(2)[Y] * 2}, "y of own.npz must have one 1 and otherwise 0 in each row; got"),
    "other test class": (
        {"x": X, "y": Y, "x_test": X, "y_test": Y + 1},
        "y_test of own.npz must have classes of y only; got '2' as well",
    ),
    "other test width": (
        {"x": X, "y": Y, "x_test": X[:, :2], "y_test": Y},
        "x and x_test of own.npz must have the same number of features and the same type; got 3 features of float64 "
        "and 2 of float64",
    ),
    "many classes": (
        {"x": np.zeros((2002, 1)), "y": np.arange(2002) // 2},
        "y of own.npz must have at most 1000 classes; got 1001: are they measurements?",
    ),
    "objects": (
        {"x": X, "y": np.array([{}] * 20)},
        "own.npz must hold plain arrays; got an error: Object arrays cannot be loaded when allow_pickle=False: save it",
    ),
}


@pytest.mark.parametrize("fault", NPZ_FAULTS)
def test_fault_of_an_archive_is_refused(fault: str, save: Callable[..., str]) -> None:
    arrays, message = NPZ_FAULTS[fault]
    assert refusal(save(**arrays)).startswith(message)


class Trap:
    """Object that records its unpickling."""

    opened = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Trap, "opened", True))


def test_no_code_of_an_archive_runs(tmp_path: Path, save: Callable[..., str]) -> None:
    assert "Object arrays cannot be loaded" in refusal(save(x=X, y=np.array([Trap()] * 20)))
    other = tmp_path / "pickle.npz"
    other.write_bytes(pickle.dumps(Trap()))
    assert refusal(str(other)) == "pickle.npz must be an archive of NumPy arrays and is none; save it with np.savez"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Trap()))
        archive.writestr("y", pickle.dumps(Trap()))
    refusal(str(other))
    assert not Trap.opened


def test_damaged_archive_is_refused(save: Callable[..., str]) -> None:
    path = Path(save(x=X, y=Y))
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with contextlib.suppress(ValueError):  # not every bit of an archive has a checksum
            data.load(str(path))
    for length in range(0, len(content), 100):
        path.write_bytes(content[:length])
        assert refusal(str(path)).endswith("save it with np.savez")


def test_folder_without_idx_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        data.load(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path} must be a folder with the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, "
        "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or .gz, and does not have all of them; name "
        "another folder, or a .npz or .csv file"
    )


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("text")
    message = refusal(str(tmp_path / "own.txt"))
    assert message == "own.txt must be a folder of IDX files, a .npz file or a .csv file; got a file named otherwise"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("name", ["own.csv", "own.npz"])
def test_fifo_is_refused_without_waiting(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    assert refusal(str(tmp_path / name)).startswith(f"{name} must be a regular file and is a FIFO")


def test_sample_too_far_from_the_others_is_refused(save: Callable[..., str]) -> None:
    x = X.copy()
    message = refusal(save(x=x, y=Y, x_test=x * 1e90, y_test=Y))
    assert message == (
        "the features of own.npz must fit float32 after they are standardised; got a sample too far from the others: "
        "remove it"
    )
