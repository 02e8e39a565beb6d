"""Layout of safetensors files: the length of the header, the header (JSON), and the bytes of all arrays.

The header has an entry for each array and an entry ``__metadata__``, a mapping of strings to strings. The metadata of
this package's files include the SHA-256 of the whole file with zeros instead of the digest.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, Protocol

from cutedl_xp._checks import format_names
from cutedl_xp._typing import Shape

MAX_HEADER = 10_000_000
"""Largest size of a header, in bytes; safetensors allows 100 MB. Hostile JSON needs 20 times its size in Python."""

MAX_ARRAYS = 100_000
"""Largest number of arrays of a file; more would not fit into a header."""

MAX_DEPTH = 64
"""Largest depth of nested containers in a header, far below Python's recursion limit, which depends on the caller."""

_MAX_AXES = 64  # NumPy's limit; without one, the product of a long shape would take minutes

_DTYPES = {
    "float64": ("F64", 8), "float32": ("F32", 4), "float16": ("F16", 2), "complex64": ("C64", 8), "bool": ("BOOL", 1),
    "int64": ("I64", 8), "int32": ("I32", 4), "int16": ("I16", 2), "int8": ("I8", 1),
    "uint64": ("U64", 8), "uint32": ("U32", 4), "uint16": ("U16", 2), "uint8": ("U8", 1),
}  # fmt: skip
_SIZES = dict(_DTYPES.values())

_METADATA = "__metadata__"
_DIGEST = "sha256"
_BLANK = "0" * 64


class Sized(Protocol):
    """Array with the attributes that a header describes."""

    @property
    def dtype(self) -> Any:
        """Data type with a ``name``."""

    @property
    def shape(self) -> Shape:
        """Lengths of the axes."""

    @property
    def nbytes(self) -> int:
        """Size of the entries in bytes."""


def sort_names(arrays: Mapping[str, Sized]) -> list[str]:
    """Return the names of ``arrays`` in their order in a file: wide dtypes first, so that every array is aligned.

    Raises
    ------
    TypeError
        If safetensors lacks the dtype of an array.
    ValueError
        If there are too many arrays, or a name is reserved.
    """
    if len(arrays) > MAX_ARRAYS:
        raise ValueError(f"a file must have at most {MAX_ARRAYS:,} arrays; got {len(arrays):,}; use several files")
    if _METADATA in arrays:
        raise ValueError(f"the name {_METADATA!r} is reserved by safetensors; give the array another name")
    for name, array in arrays.items():
        if array.dtype.name not in _DTYPES:
            raise TypeError(
                f"the array {name!r} must have a dtype of {format_names(_DTYPES)}; got {array.dtype}; convert it first"
            )
    return sorted(arrays, key=lambda name: (-_DTYPES[arrays[name].dtype.name][1], name))


def make_head(arrays: Mapping[str, Sized], metadata: Mapping[str, str], content: Iterable[memoryview]) -> bytes:
    """Return the part of a file before the bytes of the arrays, with the digest of the whole file.

    Parameters
    ----------
    arrays
        Arrays by name, in the order of their bytes in the file.
    metadata
        Further entries of the metadata.
    content
        Bytes of the arrays, in the same order.
    """
    entries: dict[str, Any] = {_METADATA: {_DIGEST: _BLANK, **metadata}}
    offset = 0
    for name, array in arrays.items():
        offsets = [offset, offset := offset + array.nbytes]
        code = _DTYPES[array.dtype.name][0]
        entries[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": offsets}
    try:
        header = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the names of arrays must be text that UTF-8 can encode; got {error.object[error.start]!r}"
        ) from error
    header += b" " * (-len(header) % 8)
    if len(header) > MAX_HEADER:
        raise ValueError(f"a header must have at most {MAX_HEADER:,} bytes; got {len(header):,}; use several files")
    head = len(header).to_bytes(8, "little") + header
    digest = compute_digest(head, content)
    return head.replace(_BLANK.encode(), digest.encode(), 1)


def compute_digest(head: bytes, content: Iterable[memoryview]) -> str:
    """Return the SHA-256 of ``head``, without its own digest, and ``content``, the bytes of all arrays."""
    digest = hashlib.sha256(head)
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()


def measure_header(prefix: bytes, size: int) -> int:
    """Return the length of the header from ``prefix``, the first 8 bytes of a file of ``size`` bytes, after checks."""
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > size - 8:
        raise ValueError(f"it has {size:,} bytes, and its header has {length:,}")
    if length > MAX_HEADER:
        raise ValueError(f"its header has {length:,} bytes, which is more than {MAX_HEADER:,}")
    return length


def parse_json(text: bytes | str) -> Any:
    """Return the value of ``text``, JSON that may be hostile.

    Raises
    ------
    ValueError
        If the text is no JSON in UTF-8, or is nested too deeply.
    """
    try:
        value = json.loads(text.decode() if isinstance(text, bytes) else text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    check_depth(value)
    return value


_TOO_DEEP = f"its JSON is nested more than {MAX_DEPTH} levels deep"


def check_depth(value: Any) -> None:
    """Raise if ``value`` has containers that are nested too deeply."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [item for item in level if isinstance(item, dict | list | tuple)]
        if not containers:
            return
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    raise ValueError(_TOO_DEEP)


def split_entries(header: Any, available: int) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the metadata and the entries of a header; its arrays must fill the rest of the file exactly.

    Parameters
    ----------
    header
        Header of a file.
    available
        Number of bytes of the file after the header.

    Raises
    ------
    ValueError
        If the header does not describe a safetensors file of this size.
    """
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    entries = dict(header)
    metadata = entries.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata is not a mapping of strings")
    if len(entries) > MAX_ARRAYS:
        raise ValueError(f"it has {len(entries):,} arrays, which is more than {MAX_ARRAYS:,}")
    end = 0
    for begin, following in sorted(_find_place(name, entry) for name, entry in entries.items()):
        if begin != end:
            raise ValueError(f"its arrays overlap, or leave a gap, at byte {end}")
        end = following
    if end != available:
        raise ValueError(f"its arrays have {end:,} bytes, and the file has {available:,} bytes for them")
    return metadata, entries


def _find_place(name: str, entry: Any) -> tuple[int, int]:
    """Return the begin and the end of the bytes of an array, checked against its dtype and shape."""
    match entry:
        case {"dtype": str(code), "shape": [*shape], "data_offsets": [begin, end]}:
            if code not in _SIZES:
                raise ValueError(f"the array {name!r} has the dtype {code!r}, which NumPy lacks")
            lengths = len(shape) <= _MAX_AXES and _are_lengths([*shape, begin, end])
            if lengths and end - begin == prod(shape) * _SIZES[code]:
                return begin, end
    raise ValueError(f"the entry of the array {name!r} is damaged")


def _are_lengths(values: Sequence[Any]) -> bool:
    return all(type(value) is int and value >= 0 for value in values)  # bool is a subclass of int


def verify_digest(metadata: Mapping[str, str], head: bytes, content: memoryview) -> bool:
    """Return whether a file has a digest; raise if it does not match.

    Parameters
    ----------
    metadata
        Metadata of the file.
    head, content
        Bytes of the file before the arrays, and of the arrays.

    Raises
    ------
    ValueError
        If the content has changed since the digest was made.
    """
    given = metadata.get(_DIGEST)
    if given is None:
        return False
    blank = head.replace(given.encode(), _BLANK.encode(), 1) if len(given) == len(_BLANK) else head
    if compute_digest(blank, [content]) != given:
        raise ValueError("its content does not have the SHA-256 that its header gives")
    return True
