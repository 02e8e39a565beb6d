"""Reader of IDX, the format of the MNIST files: a magic number, the dimensions, and one byte for each element.

The reader allocates memory only after it has compared the size that the header claims with the size of the file.
"""

import gzip
import hashlib
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Shape
from cutedl_xp.files.regular import open_regular

_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_LARGEST = 1 << 31  # bytes of elements; the largest published file, the images of EMNIST ByClass, has 547 million
_DEFLATE_RATIO = 1032  # no byte of a deflate stream can expand to more
_USUAL_RATIO = 100  # MNIST's images expand 5 times, its labels twice
_UNSUSPECTED = 1 << 23  # bytes up to which every ratio is accepted, as blank images and sorted labels have high ratios


class IdxFile(NamedTuple):
    """Content of an IDX file.

    Attributes
    ----------
    path
        Path of the file.
    array
        Elements of the file.
    sha256
        SHA-256 of the decompressed bytes, including the header, as hexadecimal digits.
    """

    path: Path
    array: NDArray[np.uint8]
    sha256: str


def read(path: Path, ndim: int | None) -> IdxFile:
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path
        Path of the file. The reader decompresses files whose names end in ``.gz``, and no others.
    ndim
        Required number of dimensions; None for any number.

    Returns
    -------
    IdxFile
        Content of the file.

    Raises
    ------
    OSError
        If the file cannot be opened or read.
    ValueError
        If the file is no regular file, is not an IDX file of ``ndim`` dimensions, does not have exactly the elements
        that its header claims, claims more than 2 GiB, or expands to more than 8 MiB and more than 100 times its
        compressed size, as a file that is meant to exhaust the memory does. The message names the file.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if path.suffix != ".gz":
            return _read_plain(path, file, size, ndim)
        if not _GZIP_MAGIC.startswith(file.read(2)):
            _refuse(path, "is named .gz and is not compressed with gzip; give it its right name, or compress it")
        file.seek(0)
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                return _read_compressed(path, stream, size, ndim)
        except EOFError:
            _refuse(path, "is cut off: its gzip stream has no end")
        except (gzip.BadGzipFile, zlib.error) as error:
            _refuse(path, f"is damaged or cut off: its gzip stream cannot be decompressed ({error})")


def _read_plain(path: Path, file: BinaryIO, size: int, ndim: int | None) -> IdxFile:
    header, shape = _read_header(path, file, ndim)
    _check_length(path, size - len(header), shape)
    return _read_elements(path, file, header, shape)


def _read_compressed(path: Path, stream: gzip.GzipFile, size: int, ndim: int | None) -> IdxFile:
    header, shape = _read_header(path, stream, ndim)
    claimed = len(header) + math.prod(shape)
    if claimed > _DEFLATE_RATIO * size:
        _refuse(path, f"is cut off: its header says shape {shape}, and {size} compressed bytes cannot hold so much")
    if claimed > max(_UNSUSPECTED, _USUAL_RATIO * size):
        _refuse(
            path,
            f"claims to expand from {size} bytes to {claimed}, more than {_USUAL_RATIO} times as many; "
            "decompress it yourself if you trust it",
        )
    return _read_elements(path, stream, header, shape)


def _read_header(path: Path, stream: BinaryIO | gzip.GzipFile, ndim: int | None) -> tuple[bytes, Shape]:
    """Read the header, and return its bytes and the shape that it claims."""
    magic = stream.read(4)
    ndim = _check_magic(path, magic, ndim)
    header = magic + stream.read(4 * ndim)
    length = 4 + 4 * ndim
    if len(header) < length:
        _refuse(path, f"is cut off: it ends after {len(header)} bytes, within its header of {length}")
    shape = struct.unpack(f">{ndim}I", header[4:])
    if math.prod(shape) == 0:
        _refuse(path, f"holds nothing: its header says shape {shape}")
    return header, shape


def _read_elements(path: Path, stream: BinaryIO | gzip.GzipFile, header: bytes, shape: Shape) -> IdxFile:
    """Read exactly the elements that the header claims."""
    length = math.prod(shape)
    if length > _LARGEST:
        _refuse(path, f"is too large: its header says shape {shape}, {length} bytes; split it into files of {_LARGEST}")
    array = np.empty(length, dtype=np.uint8)
    content, received, digest = array.data, 0, hashlib.sha256(header)
    while chunk := stream.read(min(_CHUNK, length - received)):
        content[received : received + len(chunk)] = chunk
        digest.update(chunk)
        received += len(chunk)
    received += len(stream.read(1))  # a byte too many, if any; at the end of a gzip stream this verifies its checksum
    _check_length(path, received, shape)
    return IdxFile(path, array.reshape(shape), digest.hexdigest())


def _check_magic(path: Path, magic: bytes, ndim: int | None) -> int:
    """Return the number of dimensions, after a check of the magic number."""
    if magic[:2] == _GZIP_MAGIC:
        _refuse(path, "is compressed with gzip; let its name end in .gz, or decompress it")
    if len(magic) < 4:
        _refuse(path, f"is cut off: it ends after {len(magic)} bytes, within the magic number of an IDX file")
    ndim = magic[3] if ndim is None else ndim
    needed = bytes((0, 0, _UNSIGNED_BYTE, ndim))
    if magic[:2] != needed[:2]:
        _refuse(path, f"is not an IDX file: it begins with {magic.hex(' ')}, not with {needed.hex(' ')}")
    if magic[2] != _UNSIGNED_BYTE:
        _refuse(path, f"has elements of IDX type 0x{magic[2]:02x}; only unsigned bytes, 0x08, are read")
    if magic[3] != ndim:
        _refuse(path, f"has {magic[3]} dimensions; a file of this name has {ndim}")
    if ndim == 0:
        _refuse(path, "has no dimensions; an IDX file of samples has at least one")
    return ndim


def _check_length(path: Path, received: int, shape: Shape) -> None:
    length = math.prod(shape)
    if received < length:
        _refuse(path, f"is cut off: its header says shape {shape}, {length} bytes, and {received} follow")
    if received > length:
        _refuse(path, f"is too long: its header says shape {shape}, {length} bytes, and more follow")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise ValueError(f"{path} {reason}")
