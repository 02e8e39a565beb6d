"""Files of named arrays with a JSON header, in the safetensors format, which cannot contain code."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cutedl_xp._checks import format_reason, format_value, missing_extra_error
from cutedl_xp.files import layout
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.files.regular import open_regular

_KEY = "cutedl_xp"
_FIRST_WITH_DIGEST = 2


def write(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Write arrays, a header and the SHA-256 of both to a file atomically.

    Parameters
    ----------
    path
        File to write; its folder must exist. An existing file is replaced when the new one is complete.
    arrays
        Arrays by name. They must not change during the call, because they are hashed first and written afterwards.
    header
        Plain values that JSON can represent, with ``"format"``, a number, and ``"kind"``.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    OSError
        If the file cannot be written.
    TypeError, ValueError
        If JSON cannot represent the header, it is too large, or safetensors lacks the dtype of an array.

    Examples
    --------
    >>> import numpy as np
    >>> write("numbers.safetensors", {"numbers": np.arange(3)}, {"format": 2, "kind": "example"})
    >>> arrays, header = read("numbers.safetensors")
    >>> arrays["numbers"].tolist(), header["kind"]
    ([0, 1, 2], 'example')
    """
    path, _ = check_path(path), import_safetensors()  # without safetensors the file could not be read again
    if not path.parent.exists():
        raise FileNotFoundError(f"`path` is {path}, and its folder {path.parent} does not exist; make the folder first")
    layout.check_depth(header)
    given = {name: np.asarray(array) for name, array in arrays.items()}
    ordered = {name: _to_little_endian(given[name]) for name in layout.sort_names(given)}
    content = [array.reshape(-1).view(np.uint8).data for array in ordered.values()]
    head = layout.make_head(ordered, {_KEY: json.dumps(header)}, content)
    write_atomically(path, [head, *content])


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the header of the file ``path``, which :func:`write` has made.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    IsADirectoryError
        If the path is a directory.
    ValueError
        If the file is not a safetensors file, is damaged, or was not written by this package.
    """
    path, safetensors = check_path(path), import_safetensors()
    with open_regular(path) as file:
        try:
            metadata, head, content = _read_whole(file)
        except (MemoryError, OverflowError, ValueError) as error:
            raise _damaged(path, error) from error
    header = _parse_header(path, metadata)
    try:
        has_digest = layout.verify_digest(metadata, head, memoryview(content)[len(head) :])
        arrays = safetensors.numpy.load(content)
    except (MemoryError, OverflowError, ValueError, safetensors.SafetensorError) as error:
        raise _damaged(path, error) from error
    number = header.get("format")
    if isinstance(number, int) and number >= _FIRST_WITH_DIGEST and not has_digest:
        raise ValueError(f"{path} is damaged: it has format {number} and no SHA-256; restore it from a copy")
    return arrays, header


def check_path(path: Any) -> Path:
    """Return ``path`` as a Path; raise for numbers, which ``open`` would use as file descriptors."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"`path` must be a path; got {format_value(path)}")
    return Path(path)


def _read_whole(file: BinaryIO) -> tuple[dict[str, str], bytes, bytes]:
    """Return the metadata, the bytes before the arrays, and all bytes of a file whose arrays fill it exactly.

    The file is read and not mapped, because a mapped file that another process truncates ends this process.
    """
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    head = prefix + file.read(layout.measure_header(prefix, size))
    metadata, _ = layout.split_entries(layout.parse_json(head[8:]), size - len(head))
    file.seek(0)
    content = file.read(size)
    if len(content) < size or file.read(1) or not content.startswith(head):
        raise ValueError("it was changed while it was read")
    return metadata, head, content


def _parse_header(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        header = layout.parse_json(metadata[_KEY])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path} has no header of cutedl_xp; it was written by something else") from error
    if not isinstance(header, dict):
        raise ValueError(f"{path} has a header that is not a JSON object")
    return header


def _damaged(path: Path, error: Exception) -> ValueError:
    reason = "it does not fit in memory" if isinstance(error, MemoryError) else format_reason(error)
    return ValueError(f"{path} is not a whole safetensors file of NumPy arrays ({reason})")


def _to_little_endian(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def import_safetensors() -> Any:
    """Return the module safetensors, or raise ImportError with the command that installs it."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise missing_extra_error("saving and loading a model", "safetensors", "files") from error
    return safetensors
