"""Temporary files: one fixed name for each target, locked while its process writes.

The lock is on the temporary file itself, so that no other file remains. A temporary file without a lock was abandoned
by a process that died. The next writer of the same target removes this file and creates its own, because a file of
another user must never receive the content.
"""

import errno
import hashlib
import io
import os
import stat
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import fcntl

_LONGEST_NAME = 100  # bytes: the temporary name then has fewer than 143, the limit of encrypted file systems
_PAUSE = 0.005
PATIENCE = 60.0
"""Time in seconds to wait for another writer of the same target that makes no progress."""


def name_temporary(target: Path) -> Path:
    """Return the temporary name for the next content of ``target``, in the same folder."""
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f"{name[:12]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"
    return target.with_name(f".{name}.cutedl_xp.tmp")


def open_temporary(temporary: Path, permissions: int, held: list[io.FileIO]) -> io.FileIO:
    """Create and return a temporary file that no other process changes while it is open.

    An abandoned file of this name is removed, and another writer of the name is waited for.

    Parameters
    ----------
    temporary
        Name of the file.
    permissions
        Mode of the file before the umask is applied.
    held
        List that receives the open file, so that the caller can close it after any error.

    Returns
    -------
    io.FileIO
        Open and locked file.

    Raises
    ------
    OSError
        If the file cannot be created, or another writer makes no progress.
    """
    patience = _Patience(temporary)
    create: Any = partial(open, mode="xb", buffering=0, opener=partial(os.open, mode=permissions))
    while True:
        try:
            held.extend(map(create, [temporary]))  # without bytecode, so that Ctrl-C cannot lose the open file
        except FileExistsError:
            if not discard_abandoned(temporary):
                patience.wait()
            continue
        if _claim(held[-1], temporary):
            return held[-1]
        held.pop().close()


def discard_abandoned(temporary: Path) -> bool:
    """Return whether the name ``temporary`` is free, after removing an abandoned file of this name."""
    try:
        if not stat.S_ISREG(os.lstat(temporary).st_mode):
            raise FileExistsError(errno.EEXIST, f"{temporary} is in the way and is no regular file; remove it")
        return _remove_unless_held(temporary)
    except FileNotFoundError:
        return True


def _remove_unless_held(temporary: Path) -> bool:
    if sys.platform == "win32":
        try:
            os.unlink(temporary)
        except PermissionError:  # Windows does not remove a file that is open
            return False
        return True
    with open(temporary, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another process is writing the file, or the file system has no locks
            return False
        if _is_at(file, temporary):
            os.unlink(temporary)
    return True


def _claim(file: io.FileIO, temporary: Path) -> bool:
    """Lock a new file; return False if another writer has removed the file as abandoned before that."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks, where abandoned files cannot be recognized
        return True
    return _is_at(file, temporary)


def _is_at(file: io.FileIO, path: Path) -> bool:
    """Return whether an open file still has this name; another process may have renamed or removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False


class _Patience:
    """Limit of the time to wait for another writer without progress."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._seen: tuple[int, ...] = ()
        self._until = 0.0

    def wait(self) -> None:
        """Wait for a moment; raise if the limit is exceeded."""
        try:
            status = os.lstat(self._temporary)
        except FileNotFoundError:
            return
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        if seen != self._seen:
            self._seen, self._until = seen, time.monotonic() + PATIENCE
        elif time.monotonic() > self._until:
            raise TimeoutError(
                errno.ETIMEDOUT,
                f"{self._temporary} has been held by another writer for {PATIENCE:g} seconds without progress; "
                "end that writer, or remove the file if there is none",
            )
        time.sleep(_PAUSE)
