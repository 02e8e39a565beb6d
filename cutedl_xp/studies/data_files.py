"""Data sets in files of the user: folders of IDX files, NumPy archives and CSV."""

import csv
import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import format_names, format_reason
from cutedl_xp.datasets import mnist
from cutedl_xp.files.regular import open_regular
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
        return _read_csv(path, target_column)
    raise ValueError(f"{path} must be a folder of IDX files, a .npz file or a .csv file; got a file named otherwise")


def read_idx(name: str, folder: Path | None, warning: str = "") -> Samples:
    """Read the four files of a folder, or those of MNIST if it is None; see :mod:`cutedl_xp.datasets.mnist`."""
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
    """Return the arrays of an archive that a data set may have; no object of Python is ever read."""
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
        if not isinstance(array, np.ndarray):  # bytes of a member that is no array
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


def _read_csv(path: Path, target_column: str | None) -> Samples:
    with open_regular(path) as file:
        content = file.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be a text in UTF-8 and is not: {format_reason(error)}; convert it") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        target = _find_target(path, columns, target_column)
        rows = list(_read_rows(path, reader, columns, target))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not readable as CSV ({error}); correct this line") from error
    if not rows:
        raise ValueError(f"{path} must have at least one line of values below its header; got none")
    classes = [row.pop(target) for row in rows]
    labels, names = encode(f"the column {columns[target]!r} of {path}", _as_classes(classes))
    x = check_features(f"the features of {path}", np.array(rows, dtype=np.float64))
    return Samples(name=path.name, x=x, labels=labels, class_names=names, standardise=True)


def _find_delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return next((each for each in ",;\t" if each in header), ",")


def _find_target(path: Path, columns: list[str], target_column: str | None) -> int:
    if len(columns) < 2 or len(set(columns)) < len(columns) or "" in columns or all(map(_is_number, columns)):
        raise ValueError(
            f"{path} must begin with a line of at least 2 different names of columns; got {format_names(columns)}: "
            "add a header"
        )
    if target_column is None:
        return len(columns) - 1
    if target_column not in columns:
        raise ValueError(f"{path} has no column {target_column!r}; its columns are {format_names(columns)}")
    return columns.index(target_column)


def _read_rows(path: Path, reader: Any, columns: list[str], target: int) -> Iterator[list[Any]]:
    """Yield the values of each line: numbers, and the class as text."""
    for row in reader:
        if not row:
            continue
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(columns):
            raise ValueError(f"{where}: each line must have {len(columns)} fields, as the header; got {len(row)}")
        cells = [cell.strip() for cell in row]
        for place, (name, cell) in enumerate(zip(columns, cells, strict=True)):
            if place == target and not cell:
                raise ValueError(f"{where}: the class `{name}` must not be empty; remove this line")
            if place != target and not _is_number(cell):
                raise ValueError(
                    f"{where}: the feature `{name}` must be a finite number; got {cell[:80]!r}: correct this line"
                )
        yield [cell if place == target else float(cell) for place, cell in enumerate(cells)]


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _as_classes(cells: list[str]) -> NDArray[Any]:
    """Return classes as integers if all are, so that they are in the order of numbers."""
    try:
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    except (ValueError, OverflowError):
        return np.array(cells, dtype=np.str_)
