"""Folders for results, and the names of the files in them."""

import datetime
import os
from contextlib import suppress
from pathlib import Path

SETTINGS, CHECKPOINTS = "settings.json", "checkpoints"
HISTORIES, CSV, MARKDOWN = "histories.json", "results.csv", "results.md"


def new_folder(chosen: Path | None) -> Path:
    """Make a folder for results, and write to it, so that a fault appears now rather than after hours.

    Parameters
    ----------
    chosen
        Folder, which must not hold results, since they would be lost; None for a new one, ``out/`` and the time.
    """
    folder = chosen if chosen is not None else _named_by_time(Path("out"))
    if (folder / SETTINGS).exists():
        raise FileExistsError(
            f"--out {folder} belongs to an earlier call ({SETTINGS}); go on there with --resume {folder}, or name "
            "another folder"
        )
    for name in (HISTORIES, CSV):
        if (folder / name).exists():
            raise FileExistsError(f"--out {folder} already holds results ({name}); name another folder, or move them")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"--out {folder} is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=chosen is not None)
        _probe(folder)
    except OSError as error:
        raise OSError(f"--out {folder} cannot be written: {error.strerror}; name another folder") from error
    return folder


def check_writable(folder: Path) -> None:
    """Refuse a folder of an earlier call that cannot be written to."""
    try:
        _probe(folder)
    except OSError as error:
        raise OSError(f"--resume {folder} cannot be written: {error.strerror}; copy it to another place") from error


def remove_if_unused(folder: Path) -> None:
    """Leave no folder behind that has neither results nor checkpoints."""
    with suppress(OSError):
        (folder / CHECKPOINTS).rmdir()
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {SETTINGS}:
            (folder / SETTINGS).unlink(missing_ok=True)
            folder.rmdir()


def _probe(folder: Path) -> None:
    probe = folder / f".{os.getpid()}.tmp"
    probe.write_bytes(b"")
    probe.unlink()


def _named_by_time(parent: Path) -> Path:
    """A folder that is not there yet."""
    now = f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}"
    names = [now, *(f"{now}-{number}" for number in range(2, 1000))]
    return next(parent / name for name in names if not (parent / name).exists())
