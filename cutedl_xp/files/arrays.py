"""Files of named arrays with a JSON header, in the safetensors format: nothing in them can run code."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cutedl_xp._checks import format_value, missing_extra_error
from cutedl_xp.files.atomic import write_atomically

_KEY = "cutedl_xp"


def write(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Write arrays and a header to a file, which is whole or not there: a file of that name stays until then.

    Parameters
    ----------
    path
        The file; its folder must exist.
    arrays
        By name.
    header
        Plain values that JSON can hold.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    OSError
        If the file cannot be written.
    """
    path, safetensors = _checked(path), _safetensors()
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_atomically(path, safetensors.numpy.save(contiguous, {_KEY: json.dumps(header)}))


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the header of a file that :func:`write` made.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a safetensors file, is truncated, or was not written by this package.
    """
    path, safetensors = _checked(path), _safetensors()
    with open(path, "rb"):
        pass  # safetensors does not name a file that cannot be opened
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{os.fspath(path)} is not a whole safetensors file ({error})") from error
    except (AttributeError, TypeError) as error:  # what safetensors raises where NumPy has no such dtype
        raise ValueError(f"{os.fspath(path)} holds an array of a dtype that NumPy does not have ({error})") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)} has no header of cutedl_xp; it was written by something else") from error
    if not isinstance(header, dict):
        raise ValueError(f"{os.fspath(path)} has a header that is not a JSON object")
    return arrays, header


def _checked(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):  # a number would be taken for an open file
        raise TypeError(f"`path` must be a path; got {format_value(path)}")
    return Path(path)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise missing_extra_error("saving and loading a model", "safetensors", "files") from error
    return safetensors
