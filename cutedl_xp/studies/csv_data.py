"""Data sets in CSV files with a header, numbers as features, and one column of classes."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import format_names, format_reason
from cutedl_xp.files.regular import open_regular
from cutedl_xp.studies.samples import Samples, check_features, encode


def read_csv(path: Path, target_column: str | None) -> Samples:
    """Read samples of a file with a header; the classes are in ``target_column`` or in the last column."""
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
    """Yield the values of each line: features as numbers, and the class as text."""
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
    """Return classes as integers if all are integers, so that they are sorted as numbers."""
    try:
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    except (ValueError, OverflowError):
        return np.array(cells, dtype=np.str_)
