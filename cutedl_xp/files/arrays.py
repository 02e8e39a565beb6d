"""Files of named arrays with a JSON header, in the safetensors format, which cannot contain code."""

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
    """Write arrays and a header to a file atomically.

    Parameters
    ----------
    path
        File to write; its folder must exist. An existing file is replaced once the new one is complete.
    arrays
        Arrays by name.
    header
        Plain values that JSON can represent.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    OSError
        If the file cannot be written.
    """
    path, safetensors = check_path(path), import_safetensors()
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_atomically(path, safetensors.numpy.save(contiguous, {_KEY: json.dumps(header)}))


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the header of a file that :func:`write` made.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is not a safetensors file, is truncated, or was not written by this package.
    """
    path, safetensors = check_path(path), import_safetensors()
    with open(path, "rb"):
        pass  # the error of safetensors does not name the file
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{os.fspath(path)} is not a whole safetensors file ({error})") from error
    except (AttributeError, TypeError) as error:  # raised by safetensors for a dtype that NumPy does not have
        raise ValueError(f"{os.fspath(path)} holds an array of a dtype that NumPy does not have ({error})") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)} has no header of cutedl_xp; it was written by something else") from error
    if not isinstance(header, dict):
        raise ValueError(f"{os.fspath(path)} has a header that is not a JSON object")
    return arrays, header


def check_path(path: Any) -> Path:
    """Return ``path`` as a Path; numbers, which ``open`` takes for file descriptors, are refused."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"`path` must be a path; got {format_value(path)}")
    return Path(path)


def import_safetensors() -> Any:
    """Return the module safetensors, or raise ImportError with the command that installs it."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise missing_extra_error("saving and loading a model", "safetensors", "files") from error
    return safetensors
