"""Atomic replacement of files."""

import errno
import io
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from cutedl_xp.files.regular import check_regular
from cutedl_xp.files.temporary import discard_abandoned, name_temporary, open_temporary

Content: TypeAlias = bytes | bytearray | memoryview
_OWNER = stat.S_IRUSR | stat.S_IWUSR
_NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP)  # errors of file systems that cannot flush a folder


def write_atomically(path: str | os.PathLike[str], content: Content | Iterable[Content]) -> None:
    """Write a file under a temporary name, flush it to the disk, and rename it.

    An existing file stays unchanged until the new one is complete, and its permissions are kept. A new file has the
    default permissions. Symbolic links are followed: the link stays, and its target is replaced. The writers of one
    path wait for each other, so that the file is always whole and has the content of the last writer.

    Parameters
    ----------
    path
        File to write; its folder must exist.
    content
        Bytes of the file, or an iterable of consecutive pieces.

    Raises
    ------
    OSError
        If the file cannot be written or is not a regular file; the message names the file, and no temporary file
        remains.
    """
    try:
        _replace(Path(os.path.realpath(path)), [content] if isinstance(content, Content) else content)
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror or error}", os.fspath(path)) from error


def _replace(target: Path, pieces: Iterable[Content]) -> None:
    """Replace a file that is no symbolic link, or create it."""
    status = _check_target(target)
    temporary = name_temporary(target)
    held: list[io.FileIO] = []
    try:
        file = open_temporary(temporary, 0o666 if status is None else _OWNER, held)
        for piece in pieces:
            _write(file, piece)
        if status is not None:
            _take_over(file, status)
        os.fsync(file.fileno())
        _rename(file, temporary, target, status)
    except BaseException:
        for file in held:  # closing releases the lock, so that the temporary file can be removed
            file.close()
        with suppress(OSError):
            discard_abandoned(temporary)
        raise
    file.close()
    _sync_folder(target.parent)


def _check_target(target: Path) -> os.stat_result | None:
    """Return the status of the file to replace, or None if it does not exist."""
    try:
        status = os.stat(target)
        check_regular(target, status)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    return status


def _write(file: io.FileIO, piece: Content) -> None:
    view = memoryview(piece)
    if view.nbytes:  # an array without entries cannot be cast
        view = view.cast("B")
    while view.nbytes:
        view = view[file.write(view) :]


def _take_over(file: io.FileIO, status: os.stat_result) -> None:
    """Give a new file the owner and the permissions of the file that it replaces."""
    if sys.platform == "win32":
        return
    # Other writers can find out whether a temporary file was abandoned only if its owner can open it.
    mode, own = stat.S_IMODE(status.st_mode) | _OWNER, os.fstat(file.fileno())
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        with suppress(OSError):  # only the superuser may give files away
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
    if stat.S_IMODE(own.st_mode) != mode:
        os.fchmod(file.fileno(), mode)


def _rename(file: io.FileIO, temporary: Path, target: Path, status: os.stat_result | None) -> None:
    """Move the temporary file to its place while its lock is held."""
    if sys.platform == "win32":
        file.close()  # Windows cannot rename an open file
        os.replace(temporary, target)
        return
    os.replace(temporary, target)
    if status is not None and ~status.st_mode & _OWNER:
        os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))


def _sync_folder(folder: Path) -> None:
    """Flush a rename to the disk, if the operating system can open folders."""
    if os.name == "nt" or not os.access(folder, os.R_OK):
        return
    # The loop header opens the folder, because Ctrl-C cannot interrupt between it and `try`.
    for descriptor in map(os.open, [folder], [os.O_RDONLY]):
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NOT_SYNCED:
                raise
        finally:
            os.close(descriptor)
