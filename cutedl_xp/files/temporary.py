"""Temporary files: one fixed name for each target, held by a lock as long as its process writes.

The lock is on the temporary file itself, so that nothing else stays behind. A temporary file that nobody holds was left
by a process that died. The next writer of the same target removes it and creates its own, because a file that another
user made under this name must never receive the content.
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

_LONGEST_NAME = 100  # bytes: the temporary name then has less than 143, the limit of encrypted file systems
_PAUSE = 0.005
PATIENCE = 60.0
"""Seconds to wait for another writer of the same target that makes no progress."""


def name_temporary(target: Path) -> Path:
    """Return the name under which the next content of ``target`` is written, in the same folder."""
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f"{name[:12]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"
    return target.with_name(f".{name}.cutedl_xp.tmp")


def open_temporary(temporary: Path, permissions: int, held: list[io.FileIO]) -> io.FileIO:
    """Create a temporary file that no other process touches while it is open.

    Remove an abandoned file of this name, and wait while another writer holds the name.

    Parameters
    ----------
    temporary
        Name of the file.
    permissions
        Mode of the file before the umask is applied.
    held
        List that receives the open file, so that the caller can close it whatever happens.

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
    """Remove a temporary file unless somebody is writing it, and return whether the name is free now."""
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
        except OSError:  # somebody is writing it, or the file system has no locks
            return False
        if _is_at(file, temporary):
            os.unlink(temporary)
    return True


def _claim(file: io.FileIO, temporary: Path) -> bool:
    """Lock a new file; False if another writer took it for an abandoned one before it was locked."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks; there an abandoned file cannot be told from one in use
        return True
    return _is_at(file, temporary)


def _is_at(file: io.FileIO, path: Path) -> bool:
    """Return whether an open file still has this name; its inode may have been renamed or removed meanwhile."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False


class _Patience:
    """Waiting for another writer as long as it makes progress."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._seen: tuple[int, ...] = ()
        self._until = 0.0

    def wait(self) -> None:
        """Wait for a moment, or refuse to wait longer."""
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
