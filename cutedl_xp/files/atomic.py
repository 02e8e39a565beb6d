"""Files that are whole or not there."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file under a temporary name, bring it to the disk, and rename it; a file of that name stays until then.

    Raises
    ------
    OSError
        If it cannot be written, with the name of the file; nothing is left behind.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)  # after Ctrl-C it may have its name already
            raise
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror}", str(path)) from error


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it; mkstemp makes files private."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
