"""Configurations as TOML files."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp.studies.config import read_config, write_config

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = TEXTS | NUMBERS | st.booleans() | st.lists(TEXTS, max_size=3) | st.lists(NUMBERS, max_size=3)


@given(values=st.dictionaries(TEXTS, VALUES | st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3), max_size=5))
def test_plain_values_come_back(values: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "study.toml"
    write_config(path, values)
    assert read_config(path) == values


def test_none_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    write_config(path, {"tune": None, "rates": {}, "settings": {"target": None, "epochs": 2}})
    assert read_config(path) == {"settings": {"epochs": 2}}


def test_values_that_toml_cannot_express_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"TOML|plain values|Invalid"):
        write_config(tmp_path / "study.toml", {"target": math.nan})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"data = ", b"[", b"\xff", b"a = 1\na = 2"])
def test_a_file_that_is_not_toml(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"study.toml must be TOML: "):
        read_config(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must be a TOML file; .*study.toml is not a file"):
        read_config(tmp_path / "study.toml")
    with pytest.raises(FileNotFoundError):
        read_config(tmp_path)
