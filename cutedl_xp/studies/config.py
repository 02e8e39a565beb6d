"""Configuration of a study as a TOML file with the plain values of a plan."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cutedl_xp import _checks
from cutedl_xp.files.atomic import write_atomically


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the values of a TOML file.

    Parameters
    ----------
    path
        File such as :func:`write_config` writes.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or is not TOML.
    """
    file = Path(path)
    if not file.is_file():  # a FIFO would block
        raise FileNotFoundError(f"a configuration must be a TOML file; {file} is not a file")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise ValueError(f"{file} must be TOML: {_checks.format_reason(error)}") from error


def write_config(path: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
    """Write a configuration as TOML.

    Parameters
    ----------
    path
        File to write; its folder is created.
    values
        Strings, numbers, booleans, lists of these, and one level of dicts. TOML has no None: keys with this value are
        omitted and get their defaults.

    Raises
    ------
    OSError, ValueError
        If the file cannot be written, or a value has another type.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from cutedl_xp.studies.config import read_config, write_config
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "study.toml"
    >>> write_config(path, {"data": ["digits"], "settings": {"epochs": 2, "target": None}})
    >>> print(path.read_text().strip())
    data = ["digits"]
    <BLANKLINE>
    [settings]
    epochs = 2
    >>> read_config(path)
    {'data': ['digits'], 'settings': {'epochs': 2}}
    """
    text = "\n".join(_format_lines(values)) + "\n"
    if tomllib.loads(text) != _without_none(values):
        raise ValueError(f"the configuration must consist of plain values; got {_checks.format_value(values)}")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}; name another file") from error
    write_atomically(Path(path), text.encode())


def _format_lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a table: first its plain values, as TOML requires, then the nested tables."""
    for key, value in values.items():
        if value is not None and not isinstance(value, Mapping):
            yield f"{_format_key(key)} = {_format(value)}"
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from ("", f"[{_format_key(key)}]", *_format_lines(value))


def _format_key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else _format(key)


def _format(value: Any) -> str:
    """Return a value as JSON, whose strings, finite numbers, booleans and lists are also valid TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: _without_none(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in plain.items() if value is not None and value != {}}
