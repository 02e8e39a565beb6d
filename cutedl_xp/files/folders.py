"""Folders for results, which are removed again if nothing is written into them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


def missing_folders(folder: Path) -> list[Path]:
    """Return a folder and its parents that do not exist, the innermost first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove those of some folders that are empty, in their order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """If the block, which makes a folder, raises, also for Ctrl-C, remove what was made of it and is empty."""
    missing = missing_folders(folder)
    try:
        yield
    except BaseException:
        remove_empty(missing)
        raise
