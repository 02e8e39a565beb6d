"""MNIST: 70,000 handwritten digits, from the four files that its authors published.

The files are those of Yann LeCun, Corinna Cortes and Christopher J. C. Burges, "The MNIST database of handwritten
digits" (1998): images of 28 x 28 gray levels and their labels 0 to 9, 60,000 to train on and 10,000 to test with.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cutedl_xp import _checks
from cutedl_xp._random import check_seed
from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend, get_backend
from cutedl_xp.datasets import _download, _idx
from cutedl_xp.datasets._dataset import Dataset
from cutedl_xp.datasets._download import MnistUnavailable

__all__ = ["MnistUnavailable", "checksums", "load"]

_VARIABLE = "CUTEDL_XP_DATA"
_CLASSES = 10


class _Part(NamedTuple):
    """One of the four files: its name without .gz, what it holds, and the SHA-256 of its uncompressed bytes."""

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
_PARTS = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)


def load(
    batch_size: int = 64,
    backend: Backend | str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    one_hot: bool = True,
    flatten: bool = True,
) -> tuple[Dataset, Dataset]:
    """The training images in an order of their own every epoch, and the test images in the order of their file.

    The four files, each plain or ``.gz``, are taken from ``data_dir``; without it from the folder that the
    environment variable ``CUTEDL_XP_DATA`` names; without that from the user's cache directory, where what is
    missing is downloaded to and verified. Any other data set in these files' format and with labels 0 to 9 loads
    from a folder likewise, such as Fashion-MNIST and KMNIST: a warning in the log of this module names such files,
    and :func:`checksums` tells which they are.

    Parameters
    ----------
    batch_size
        Samples a batch.
    backend
        A backend or its name, to move the arrays to now; by default they stay in NumPy until they are needed.
    data_dir
        The folder that has the four files.
    seed
        Of the training images' order.
    one_hot
        Labels as float32 rows of shape (10,), all 0 but for a 1; else as int64 numbers.
    flatten
        Samples of shape (784,), else (28, 28). They are kept as uint8 and their batches lie in [0, 1].

    Returns
    -------
    tuple of Dataset
        To train on, and to test with.

    Raises
    ------
    FileNotFoundError
        If a folder was named and has not all four files.
    ValueError
        If a file is not what its name promises, or two of them do not fit together.
    MnistUnavailable
        If no folder was named, and no mirror gave the files or those in the cache may not be read.
    ImportError
        If no folder was named and pooch is not installed.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> train, test = cdl.datasets.mnist.load(data_dir="data/mnist")  # doctest: +SKIP
    >>> train  # doctest: +SKIP
    <Dataset of 60000 samples of shape (784,) in 938 batches>
    """
    batch_size = _checks.check_integer("batch_size", batch_size, at_least=1)
    seed = check_seed(seed)
    target = None if backend is None else get_backend(backend)
    train_images, train_labels, test_images, test_labels = files = _read(data_dir)
    _check_fit(*files)
    _report(files)

    def dataset(images: _idx.IdxFile, labels: _idx.IdxFile, shuffle: bool) -> Dataset:
        samples: Array = images.array.reshape(len(images.array), -1) if flatten else images.array
        truth: Array = np.eye(_CLASSES, dtype=np.float32)[labels.array] if one_hot else labels.array.astype(np.int64)
        if target is not None:
            samples, truth = target.asarray(samples), target.asarray(truth)
        return Dataset(samples, truth, batch_size, shuffle=shuffle, seed=seed, scale=1 / 255)

    return dataset(train_images, train_labels, shuffle=True), dataset(test_images, test_labels, shuffle=False)


def checksums(data_dir: str | os.PathLike[str] | None = None) -> dict[str, str]:
    """Which of the files that :func:`load` would take are MNIST's, by their SHA-256 once decompressed.

    Parameters
    ----------
    data_dir
        As of :func:`load`.

    Returns
    -------
    dict
        For the name of each file ``"MNIST"`` or ``"unknown"``.
    """
    return {
        file.path.name: "MNIST" if file.sha256 == part.sha256 else "unknown"
        for part, file in zip(_PARTS, _read(data_dir), strict=True)
    }


def _read(
    data_dir: str | os.PathLike[str] | None,
    mirrors: Sequence[str] = _download.MIRRORS,
    patience: _download.Patience = _download.PATIENCE,
) -> list[_idx.IdxFile]:
    """The four files in the order of _PARTS, each one what its name promises."""
    if not isinstance(data_dir, str | os.PathLike | None):
        raise TypeError(f"`data_dir` must be a path or None; got {data_dir!r} ({type(data_dir).__name__})")
    named = data_dir if data_dir is not None else os.environ.get(_VARIABLE) or None
    if named is None:
        return _read_cache(mirrors, patience)
    source = "`data_dir`" if data_dir is not None else f"${_VARIABLE}"
    return _read_parts(_in_named_folder(Path(named).expanduser(), source))


def _read_parts(paths: Sequence[Path]) -> list[_idx.IdxFile]:
    files = [_idx.read(path, part.ndim) for path, part in zip(paths, _PARTS, strict=True)]
    for file, part in zip(files, _PARTS, strict=True):
        for other in _PARTS:
            if file.sha256 == other.sha256 and other is not part:
                raise ValueError(f"{file.path} holds MNIST's {other.content}, not the {part.content} of its name")
    return files


def _read_cache(mirrors: Sequence[str], patience: _download.Patience) -> list[_idx.IdxFile]:
    """The four files from the cache, which holds nothing but MNIST and can be filled again."""
    try:
        files = _read_parts(_in_cache(mirrors, patience))
        for file, part in zip(files, _PARTS, strict=True):
            if file.sha256 != part.sha256:
                raise ValueError(f"{file.path} lies in the cache and is not MNIST's by its SHA-256")
    except ValueError as error:
        raise ValueError(
            f"{error}; delete it to have it downloaded again, or name a folder of your own in `data_dir`"
        ) from error
    except PermissionError as error:
        raise MnistUnavailable(
            f"{error.filename}, in the cache, cannot be read: {error.strerror}; make it readable, "
            f"or name a folder that has MNIST's four files in `data_dir` or ${_VARIABLE}"
        ) from error
    return files


def _in_named_folder(folder: Path, source: str) -> list[Path]:
    found = [_find(folder, part.name) for part in _PARTS]
    paths = [path for path in found if path is not None]
    if len(paths) == len(_PARTS):
        return paths
    missing = ", ".join(part.name for part, path in zip(_PARTS, found, strict=True) if path is None)
    state = "lacks" if folder.is_dir() else "is no folder, so it lacks"
    raise FileNotFoundError(
        f"{folder}, named by {source}, {state} {missing} (each plain or .gz): put them there, "
        f"name the folder that has them, or name none in `data_dir` and ${_VARIABLE} to have MNIST downloaded"
    )


def _in_cache(mirrors: Sequence[str], patience: _download.Patience) -> list[Path]:
    folder = Path(_download.import_pooch().os_cache("cutedl_xp")) / "mnist"
    found = {part: _find(folder, part.name) for part in _PARTS}
    missing = {f"{part.name}.gz": part.sha256 for part, path in found.items() if path is None}
    if missing:
        _download.fetch(folder, missing, mirrors, patience)
    return [path or folder / f"{part.name}.gz" for part, path in found.items()]


def _find(folder: Path, name: str) -> Path | None:
    """A file by its name, by the one that some archives unpack to (train-images.idx3-ubyte), or by these and .gz."""
    spellings = (name, name.replace("-idx", ".idx"))
    paths = (folder / f"{spelling}{suffix}" for suffix in ("", ".gz") for spelling in spellings)
    return next((path for path in paths if path.is_file()), None)


def _check_fit(
    train_images: _idx.IdxFile, train_labels: _idx.IdxFile, test_images: _idx.IdxFile, test_labels: _idx.IdxFile
) -> None:
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        if len(images.array) != len(labels.array):
            raise ValueError(
                f"{images.path} has {len(images.array)} images and {labels.path} has {len(labels.array)} labels; "
                "they must be as many"
            )
        largest = int(labels.array.max())
        if largest >= _CLASSES:
            entry = int(labels.array.argmax())
            raise ValueError(f"{labels.path} has the label {largest} at entry {entry}; labels are 0 to {_CLASSES - 1}")
    train_size, test_size = train_images.array.shape[1:], test_images.array.shape[1:]
    if train_size != test_size:
        raise ValueError(
            f"{train_images.path} has images of {train_size} pixels and {test_images.path} of {test_size}; "
            "they must be of one size"
        )


def _report(files: Sequence[_idx.IdxFile]) -> None:
    unknown = [str(file.path) for file, part in zip(files, _PARTS, strict=True) if file.sha256 != part.sha256]
    if unknown:
        import logging  # here, as it costs more than this module's other imports and MNIST itself never needs it

        logging.getLogger(__name__).warning("not MNIST's own, with a SHA-256 that is unknown: %s", ", ".join(unknown))
