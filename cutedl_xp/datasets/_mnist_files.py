"""Find and read the four files of MNIST, or of another data set with the same file names."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cutedl_xp.datasets import _download, _idx

_VARIABLE = "CUTEDL_XP_DATA"


class _Part(NamedTuple):
    """Description of one of the four files: its name without ``.gz``, content, dimensions, and decompressed SHA-256."""

    name: str
    content: str
    ndim: int
    sha256: str


_TRAIN_IMAGES = _Part(
    "train-images-idx3-ubyte",
    "training images",
    3,
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
_TRAIN_LABELS = _Part(
    "train-labels-idx1-ubyte",
    "training labels",
    1,
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)
_TEST_IMAGES = _Part(
    "t10k-images-idx3-ubyte",
    "test images",
    3,
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
)
_TEST_LABELS = _Part(
    "t10k-labels-idx1-ubyte",
    "test labels",
    1,
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
PARTS = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)


def read(
    data_dir: str | os.PathLike[str] | None,
    mirrors: Sequence[str] = _download.MIRRORS,
    patience: _download.Patience = _download.PATIENCE,
) -> list[_idx.IdxFile]:
    """Read the four files, in the order of PARTS, from a folder or from the cache, which is filled if needed.

    Parameters
    ----------
    data_dir
        Folder of the files; None for the folder in the environment variable, or for the cache if that is not set.
    mirrors
        Addresses to download from.
    patience
        Time limits of a download.

    Returns
    -------
    list of IdxFile
        Files with the dimensions that their names stand for; none of them holds the content of another part.

    Raises
    ------
    FileNotFoundError
        If the named folder lacks one of the files.
    ValueError
        If a file is damaged or misnamed, or if two files of one part hold different data.
    MnistUnavailable
        If the cache can neither be read nor filled.
    """
    if not isinstance(data_dir, str | os.PathLike | None):
        raise TypeError(f"`data_dir` must be a path or None; got {data_dir!r} ({type(data_dir).__name__})")
    named = data_dir if data_dir is not None else os.environ.get(_VARIABLE) or None
    if named is None:
        return _read_cache(mirrors, patience)
    source = "`data_dir`" if data_dir is not None else f"${_VARIABLE}"
    # os.path.expanduser does not change the name of an unknown user, where Path.expanduser raises RuntimeError
    return _read_parts(_find_in_named_folder(Path(os.path.expanduser(named)), source))


def _read_parts(found: Sequence[Sequence[Path]]) -> list[_idx.IdxFile]:
    files = [_read_part(paths, part) for paths, part in zip(found, PARTS, strict=True)]
    for file, part in zip(files, PARTS, strict=True):
        for other in PARTS:
            if file.sha256 == other.sha256 and other is not part:
                raise ValueError(f"{file.path} holds MNIST's {other.content}, not the {part.content} of its name")
    return files


def _read_part(paths: Sequence[Path], part: _Part) -> _idx.IdxFile:
    """Read the first of several files of one part; all of them must hold the same data."""
    file = _idx.read(paths[0], part.ndim)
    for path in paths[1:]:
        if _idx.read(path, part.ndim).sha256 != file.sha256:
            raise ValueError(f"{file.path} and {path.name} beside it hold different {part.content}; remove one of them")
    return file


def _read_cache(mirrors: Sequence[str], patience: _download.Patience) -> list[_idx.IdxFile]:
    """Read the four files from the cache, which holds only MNIST and can be filled again."""
    try:
        files = _read_parts(_find_in_cache(mirrors, patience))
        for file, part in zip(files, PARTS, strict=True):
            if file.sha256 != part.sha256:
                raise ValueError(f"{file.path} lies in the cache and is not MNIST's by its SHA-256")
    except ValueError as error:
        raise ValueError(
            f"{error}; delete it to have it downloaded again, or name a folder of your own in `data_dir`"
        ) from error
    except PermissionError as error:
        raise _download.MnistUnavailable(
            f"{error.filename}, in the cache, cannot be read: {error.strerror}; make it readable, "
            f"or name a folder that has MNIST's four files in `data_dir` or ${_VARIABLE}"
        ) from error
    return files


def _find_in_named_folder(folder: Path, source: str) -> list[list[Path]]:
    found = [find(folder, part.name) for part in PARTS]
    if all(found):
        return found
    missing = ", ".join(part.name for part, paths in zip(PARTS, found, strict=True) if not paths)
    state = "lacks" if folder.is_dir() else "is no folder, so it lacks"
    raise FileNotFoundError(
        f"{folder}, named by {source}, {state} {missing} (each plain or .gz): put them there, "
        f"name the folder that has them, or name none in `data_dir` and ${_VARIABLE} to have MNIST downloaded"
    )


def _find_in_cache(mirrors: Sequence[str], patience: _download.Patience) -> list[list[Path]]:
    folder = Path(_download.import_pooch().os_cache("cutedl_xp")) / "mnist"
    found = [find(folder, part.name) for part in PARTS]
    missing = {f"{part.name}.gz": part.sha256 for part, paths in zip(PARTS, found, strict=True) if not paths}
    if missing:
        _download.fetch(folder, missing, mirrors, patience)
    return [paths or [folder / f"{part.name}.gz"] for part, paths in zip(PARTS, found, strict=True)]


def find(folder: Path, name: str) -> list[Path]:
    """Return the files of one part, plain or .gz, also with the spelling of some archives (train-images.idx3-ubyte)."""
    spellings = (name, name.replace("-idx", ".idx"))
    paths = (folder / f"{spelling}{suffix}" for suffix in ("", ".gz") for spelling in spellings)
    return [path for path in paths if path.is_file()]
