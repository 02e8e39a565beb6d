"""Data sets in CSV files, and errors for invalid files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp.studies import data


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes a CSV file and returns its path."""

    def write(text: str) -> str:
        (tmp_path / "own.csv").write_bytes(text.encode())
        return str(tmp_path / "own.csv")

    return write


def refusal(path: str, **options: Any) -> str:
    """Return the error message for the file, with a short name instead of its path."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is what the tests look at
        data.load(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message.replace(path, Path(path).name)


def table(lines: list[str], header: str = "a,b,kind") -> str:
    return "\n".join([header, *lines]) + "\n"


LINES = [f"{number},{number * number},{'cat' if number % 2 else 'dog'}" for number in range(20)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_has_features_and_the_classes_in_the_last_column(
    delimiter: str, end: str, write_csv: Callable[[str], str]
) -> None:
    text = "\ufeff" + table([*LINES, ""]).replace(",", delimiter).replace("\n", end)
    parts = data.load(write_csv(text), validation="test")
    assert (parts.name, parts.class_names) == ("own.csv", ("cat", "dog"))
    assert (parts.train[0].shape, parts.test[0].shape) == ((16, 2), (4, 2))
    np.testing.assert_allclose(parts.train[0].mean(axis=0), 0.0, atol=1e-6)


def test_target_column_can_be_any_with_classes_in_the_order_of_numbers(write_csv: Callable[[str], str]) -> None:
    lines = [f'{("10", "9")[number % 2]}," {number} ",{number}' for number in range(20)]
    parts = data.load(write_csv(table(lines, "kind , b, c")), target_column="kind", validation="test")
    assert parts.class_names == ("9", "10")
    assert parts.train[0].shape == (16, 2)


CSV_FAULTS = {
    "": "own.csv must begin with a line of at least 2 different names of columns; got none: add a header",
    "1,2,3\n4,5,6\n": "own.csv must begin with a line of at least 2 different names of columns; got '1', '2', '3': add",
    "a,a,b\n": "own.csv must begin with a line of at least 2 different names of columns; got 'a', 'a', 'b': add",
    "a,b,kind\n": "own.csv must have at least one line of values below its header; got none",
    table([*LINES, "1,2"]): "own.csv, line 22: each line must have 3 fields, as the header; got 2",
    table(["1,x,cat", *LINES]): "own.csv, line 2: the feature `b` must be a finite number; got 'x': correct this line",
    table([*LINES, "nan,1,cat"]): "own.csv, line 22: the feature `a` must be a finite number; got 'nan': correct",
    table([*LINES, ",1,cat"]): "own.csv, line 22: the feature `a` must be a finite number; got '': correct this line",
    table([*LINES, "1e999,1,cat"]): "own.csv, line 22: the feature `a` must be a finite number; got '1e999': correct",
    table([*LINES, "1e200,1,cat"]): "the features of own.csv must be finite numbers of at most 1e+100; got 1e+200 in",
    table([*LINES, "1,1,"]): "own.csv, line 22: the class `kind` must not be empty; remove this line",
    table([*LINES, "1,1,cow"]): "own.csv must have at least 2 samples of each class; got 1 of class 'cow': remove",
    table(["1,2,cat"] * 9): "own.csv must have samples of at least 2 classes; got 9 of one class: name",
    table([*LINES, '1,"2,cat']): "own.csv, line 22: not readable as CSV (unexpected end of data); correct this line",
}


@pytest.mark.parametrize("text", CSV_FAULTS, ids=range(len(CSV_FAULTS)))
def test_fault_of_a_csv_file_is_refused(text: str, write_csv: Callable[[str], str]) -> None:
    assert refusal(write_csv(text)).startswith(CSV_FAULTS[text])


def test_missing_column_is_refused_with_the_choices(write_csv: Callable[[str], str]) -> None:
    message = refusal(write_csv(table(LINES)), target_column="species")
    assert message == "own.csv has no column 'species'; its columns are 'a', 'b', 'kind'"


def test_csv_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(table(LINES).encode("utf-16"))
    assert refusal(str(tmp_path / "own.csv")).startswith("own.csv must be a text in UTF-8 and is not: 'utf-8' codec")
