"""Folders for results, which are removed again if they stay empty."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


def missing_folders(folder: Path) -> list[Path]:
    """Return ``folder`` and its parents that do not exist, the innermost first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove the empty ones of ``folders``, in their order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """Return a context for making ``folder``, which removes it and its new parents after an error if they are empty."""
    missing = missing_folders(folder)
    try:
        yield
    except BaseException:
        remove_empty(missing)
        raise
