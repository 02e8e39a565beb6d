"""Opening of regular files only, without blocking on other kinds."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, cast

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # the descriptor is never inherited


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; raise for any other kind of file without blocking.

    Parameters
    ----------
    path
        File to open. Symbolic links are followed.

    Returns
    -------
    BinaryIO
        Open file.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    IsADirectoryError
        If the path is a directory.
    ValueError
        If the path is a FIFO, a socket or a device.

    Examples
    --------
    >>> from pathlib import Path
    >>> path = Path("numbers.bin")
    >>> path.write_bytes(bytes([1, 2, 3]))
    3
    >>> with open_regular(path) as file:
    ...     list(file.read())
    [1, 2, 3]
    """
    check_regular(path, os.stat(path))  # first, because opening a device may change its state
    # No bytecode runs between these two calls, so that Ctrl-C cannot interrupt between them and lose the descriptor.
    file = cast(BinaryIO, next(map(open, map(os.open, [path], [_FLAGS]), ["rb"])))
    try:
        check_regular(path, os.fstat(file.fileno()))  # another process may have replaced the file meanwhile
    except BaseException:
        file.close()
        raise
    return file


def check_regular(path: str | os.PathLike[str], status: os.stat_result) -> None:
    """Raise unless ``status`` is the status of a regular file; the error names ``path``."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "A regular file is required, not a directory", os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "a special file")
        raise ValueError(f"{Path(path)} must be a regular file and is {kind}; give the path of a regular file")
