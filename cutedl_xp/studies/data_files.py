"""Data sets in files of the user: folders of IDX files and NumPy archives; ``csv_data`` reads CSV files."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import format_names, format_reason
from cutedl_xp.datasets import mnist
from cutedl_xp.files.regular import open_regular
from cutedl_xp.studies.csv_data import read_csv
from cutedl_xp.studies.samples import Labels, Samples, check_features, encode

IMAGE_SCALE = 1 / 255
_ARRAYS = ("x", "y", "x_test", "y_test")
_DAMAGED = (ValueError, OSError, EOFError, KeyError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read_path(path: Path, target_column: str | None) -> Samples:
    """Read a folder of IDX files, a ``.npz`` file or a ``.csv`` file."""
    if path.is_dir():
        return _read_idx_folder(path)
    if path.suffix.lower() == ".npz":
        return _read_npz(path)
    if path.suffix.lower() == ".csv":
        return read_csv(path, target_column)
    raise ValueError(f"{path} must be a folder of IDX files, a .npz file or a .csv file; got a file named otherwise")


def read_idx(name: str, folder: Path | None, warning: str = "") -> Samples:
    """Read the four files of a folder, or MNIST's files if it is None; see :mod:`cutedl_xp.datasets.mnist`."""
    train, test = mnist.load(data_dir=folder, one_hot=False)
    return Samples(
        name=name,
        x=np.asarray(train.data),
        labels=np.asarray(train.labels),
        class_names=tuple("0123456789"),
        test=(np.asarray(test.data), np.asarray(test.labels)),
        scale=IMAGE_SCALE,
        warning=warning,
    )


def _read_idx_folder(folder: Path) -> Samples:
    try:
        return read_idx(folder.resolve().name, folder)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{folder} must be a folder with the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, "
            "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or .gz, and does not have all of them; "
            "name another folder, or a .npz or .csv file"
        ) from error


def _read_npz(path: Path) -> Samples:
    arrays = _load_arrays(path)
    for name in ("x", "y"):
        if name not in arrays:
            raise ValueError(f"{path} must have the arrays x and y; got {format_names(arrays)}: save it with np.savez")
    if ("x_test" in arrays) is not ("y_test" in arrays):
        raise ValueError(f"{path} must have both x_test and y_test, or none of them; got {format_names(arrays)}")
    x, labels, names = _check_pair(path, "x", "y", arrays, None)
    test = None
    if "x_test" in arrays:
        test_x, test_labels, _ = _check_pair(path, "x_test", "y_test", arrays, names)
        if test_x.shape[1] != x.shape[1] or test_x.dtype != x.dtype:
            raise ValueError(
                f"x and x_test of {path} must have the same number of features and the same type; got {x.shape[1]} "
                f"features of {x.dtype} and {test_x.shape[1]} of {test_x.dtype}"
            )
        test = test_x, test_labels
    images = x.dtype == np.uint8
    return Samples(
        name=path.name,
        x=x,
        labels=labels,
        class_names=names,
        test=test,
        scale=IMAGE_SCALE if images else None,
        standardise=not images,
    )


def _load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive by the names that a data set may have; pickled objects are never loaded."""
    with open_regular(path) as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path} must be an archive of NumPy arrays and is none; save it with np.savez")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files if name in _ARRAYS}
        except _DAMAGED as error:
            reason = format_reason(error)
            raise ValueError(f"{path} must hold plain arrays; got an error: {reason}: save it with np.savez") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy returns the bytes of a member that is no array
            raise ValueError(f"{path} must hold plain arrays; got {name}, which is none: save it with np.savez")
    return arrays


def _check_pair(
    path: Path, x_name: str, y_name: str, arrays: dict[str, NDArray[Any]], known: tuple[str, ...] | None
) -> tuple[NDArray[Any], Labels, tuple[str, ...]]:
    x = check_features(f"{x_name} of {path}", arrays[x_name])
    labels, names = encode(f"{y_name} of {path}", arrays[y_name])
    if len(x) != len(labels):
        raise ValueError(
            f"{x_name} and {y_name} of {path} must have one length; got {len(x)} and {len(labels)} samples"
        )
    if known is not None:
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"{y_name} of {path} must have classes of y only; got {format_names(unknown)} as well")
        labels, names = np.array([known.index(name) for name in names], dtype=np.int64)[labels], known
    return x, labels, names
