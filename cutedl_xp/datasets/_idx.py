"""Reading IDX, the format of the MNIST files: a magic number, the dimensions and then the bytes, nothing else.

A file is read as far as it goes and never further than its header says, so a header that lies costs no memory.
"""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Shape

_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


class IdxFile(NamedTuple):
    """What an IDX file holds, and the SHA-256 of its bytes once decompressed, as hexadecimal digits."""

    path: Path
    array: NDArray[np.uint8]
    sha256: str


def read(path: Path, ndim: int) -> IdxFile:
    """An IDX file of unsigned bytes, gzip-compressed where its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.
    ndim
        The number of dimensions it must have.

    Raises
    ------
    ValueError
        If it is no such file, is cut off, or goes on after its last element; the message names it.
    """
    with open(path, "rb") as file:
        if path.suffix != ".gz":
            return _read_stream(path, file, ndim)
        if not _GZIP_MAGIC.startswith(file.read(2)):
            _refuse(path, "is named .gz and is not compressed with gzip; give it its right name, or compress it")
        file.seek(0)
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                return _read_stream(path, stream, ndim)
        except EOFError:
            _refuse(path, "is cut off: its gzip stream has no end")
        except (gzip.BadGzipFile, zlib.error) as error:
            _refuse(path, f"is damaged or cut off: its gzip stream cannot be decompressed ({error})")


def _read_stream(path: Path, stream: BinaryIO | gzip.GzipFile, ndim: int) -> IdxFile:
    content = bytearray()
    _extend(content, stream, 4)
    _check_magic(path, content, ndim)
    start = 4 + 4 * ndim
    _extend(content, stream, start)
    if len(content) < start:
        _refuse(path, f"is cut off: it ends after {len(content)} bytes, within its header of {start}")
    shape = struct.unpack(f">{ndim}I", content[4:])
    length = math.prod(shape)
    if length == 0:
        _refuse(path, f"holds nothing: its header says shape {shape}")
    _extend(content, stream, start + length + 1)  # asking for one more meets what should not be there, or gzip's CRC
    _check_length(path, len(content) - start, length, shape)
    array = np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
    return IdxFile(path, array, hashlib.sha256(content).hexdigest())


def _extend(content: bytearray, stream: BinaryIO | gzip.GzipFile, length: int) -> None:
    """Read on until ``content`` has ``length`` bytes or the stream ends."""
    while chunk := stream.read(min(_CHUNK, length - len(content))):
        content += chunk


def _check_magic(path: Path, content: bytearray, ndim: int) -> None:
    if content[:2] == _GZIP_MAGIC:
        _refuse(path, "is compressed with gzip; let its name end in .gz, or decompress it")
    if len(content) < 4:
        _refuse(path, f"is cut off: it ends after {len(content)} bytes, within the magic number of an IDX file")
    needed = bytes((0, 0, _UNSIGNED_BYTE, ndim))
    if content[:2] != needed[:2]:
        _refuse(path, f"is not an IDX file: it begins with {content.hex(' ')}, not with {needed.hex(' ')}")
    if content[2] != _UNSIGNED_BYTE:
        _refuse(path, f"has elements of IDX type 0x{content[2]:02x}; only unsigned bytes, 0x08, are read")
    if content[3] != ndim:
        _refuse(path, f"has {content[3]} dimensions; what its name promises has {ndim}")


def _check_length(path: Path, received: int, length: int, shape: Shape) -> None:
    if received < length:
        _refuse(path, f"is cut off: its header says shape {shape}, {length} bytes, and {received} follow")
    if received > length:
        _refuse(path, f"is too long: its header says shape {shape}, {length} bytes, and more follow")


def _refuse(path: Path, what_is_wrong: str) -> NoReturn:
    raise ValueError(f"{path} {what_is_wrong}")
