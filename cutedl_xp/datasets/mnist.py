"""MNIST: 70,000 handwritten digits in the four files that its authors published.

The files are those of Yann LeCun, Corinna Cortes and Christopher J. C. Burges, "The MNIST database of handwritten
digits" (1998): images of 28 x 28 gray levels and their labels 0 to 9, 60,000 to train on and 10,000 to test with.
"""

import os
from collections.abc import Sequence

import numpy as np

from cutedl_xp import _checks
from cutedl_xp._random import check_seed
from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend, get_backend
from cutedl_xp.datasets import _idx, _mnist_files
from cutedl_xp.datasets._dataset import Dataset
from cutedl_xp.datasets._download import MnistUnavailable

__all__ = ["MnistUnavailable", "checksums", "load"]

_CLASSES = 10


def load(
    batch_size: int = 64,
    backend: Backend | str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    one_hot: bool = True,
    flatten: bool = True,
) -> tuple[Dataset, Dataset]:
    """Load the training images, shuffled in every epoch, and the test images in the order of their file.

    The four files, each plain or ``.gz``, come from ``data_dir``; without it from the folder that the environment
    variable ``CUTEDL_XP_DATA`` names; without that from the user's cache directory, to which missing files are
    downloaded and where they are verified. Other data sets of the same format with labels 0 to 9, such as
    Fashion-MNIST and KMNIST, load from a folder as well. This module logs a warning that names the files of such a
    data set, and :func:`checksums` identifies them.

    Parameters
    ----------
    batch_size
        Number of samples in a batch, at least 1.
    backend
        Backend or its name, to which the arrays are moved at once. By default they remain NumPy arrays until they
        are used.
    data_dir
        Folder of the four files.
    seed
        Seed of the order of the training images.
    one_hot
        Whether labels are float32 rows of shape (10,) with a single 1, instead of int64 numbers.
    flatten
        Whether samples have shape (784,) instead of (28, 28). Samples are kept as uint8; batches are scaled to
        [0, 1].

    Returns
    -------
    tuple of Dataset
        Training data and test data.

    Raises
    ------
    FileNotFoundError
        If a folder was named and lacks one of the four files.
    ValueError
        If a file is damaged or misnamed, or if two files contradict each other.
    MnistUnavailable
        If no folder was named, and the files can neither be read from the cache nor be downloaded.
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
    train_images, train_labels, test_images, test_labels = files = _mnist_files.read(data_dir)
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
    """Identify the files that :func:`load` would read by the SHA-256 of their decompressed content.

    Parameters
    ----------
    data_dir
        Folder of the four files, found as in :func:`load`.

    Returns
    -------
    dict
        ``"MNIST"`` or ``"unknown"`` by the name of each file.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.datasets.mnist.checksums("data/mnist")["t10k-labels-idx1-ubyte.gz"]  # doctest: +SKIP
    'MNIST'
    """
    return {
        file.path.name: "MNIST" if file.sha256 == part.sha256 else "unknown"
        for part, file in zip(_mnist_files.PARTS, _mnist_files.read(data_dir), strict=True)
    }


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
    parts = _mnist_files.PARTS
    unknown = [str(file.path) for file, part in zip(files, parts, strict=True) if file.sha256 != part.sha256]
    if unknown:
        import logging  # here, as the import is slow and MNIST itself never needs it

        logging.getLogger(__name__).warning("not MNIST's own, with a SHA-256 that is unknown: %s", ", ".join(unknown))
