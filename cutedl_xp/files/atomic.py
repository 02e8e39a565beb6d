"""Atomic replacement of files."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file under a temporary name, flush it to the disk, and rename it.

    An existing file stays unchanged until the new one is complete.

    Raises
    ------
    OSError
        If the file cannot be written; the message names the file, and no temporary file remains.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_read_umask())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)  # missing if Ctrl-C came after the rename
            raise
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror}", str(path)) from error


def _read_umask() -> int:
    """Return the file mode mask of the process, which can only be read by setting it; mkstemp makes files private."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
