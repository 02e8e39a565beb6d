"""Data sets in MNIST's file format, such as EMNIST."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks
from cutedl_xp.datasets import _idx, _mnist_files
from cutedl_xp.datasets._dataset import Dataset


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, the format of MNIST's files.

    Parameters
    ----------
    path
        Path of the file; decompressed if its name ends in ``.gz``.

    Returns
    -------
    array of uint8
        Elements of the file, in its shape.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is not an IDX file of unsigned bytes, or is damaged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import cutedl_xp as cdl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels-idx1-ubyte"
    ...     size = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     cdl.datasets.read_idx(path).tolist()
    [7, 2, 1]
    """
    return _idx.read(Path(path), None).array


def idx_folder(
    folder: str | os.PathLike[str],
    name: str = "",
    batch_size: int = 64,
    seed: int = 0,
    one_hot: bool = True,
    flatten: bool = True,
    label_offset: int = 0,
    transpose: bool = False,
) -> tuple[Dataset, Dataset]:
    """Load the training and the test images of a folder with four IDX files, such as those of EMNIST.

    Parameters
    ----------
    folder
        Folder of the files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, and the same with ``test`` or
        ``t10k`` instead of ``train``, each plain or ``.gz``.
    name
        Start of the file names, such as ``"emnist-letters"``; default ``""``.
    batch_size
        Number of samples in a batch, at least 1, default 64.
    seed
        Seed of the order of the training images, default 0.
    one_hot
        Whether labels are float32 rows with a single 1, instead of int64 numbers; default True.
    flatten
        Whether samples have one axis; default True. Batches are scaled to [0, 1].
    label_offset
        Smallest label of the files, which becomes class 0; default 0. The labels of EMNIST Letters start at 1.
    transpose
        Whether rows and columns of the images are exchanged, as in EMNIST's files; default False.

    Returns
    -------
    tuple of Dataset
        Training data, shuffled in every epoch, and test data.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged, files contradict each other, or a label is smaller than ``label_offset``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> train, test = cdl.datasets.idx_folder(
    ...     "data/emnist", "emnist-letters", label_offset=1, transpose=True
    ... )  # doctest: +SKIP
    """
    offset = _checks.check_integer("label_offset", label_offset, at_least=0)
    parts = [_read_part(Path(folder), name, kinds, offset) for kinds in (("train",), ("test", "t10k"))]
    if parts[0][0].shape[1:] != parts[1][0].shape[1:]:
        shapes = [images.shape[1:] for images, _ in parts]
        raise ValueError(f"the images of {folder} must have one shape; got {shapes[0]} to train on and {shapes[1]}")
    classes = 1 + max(int(labels.max()) for _, labels in parts)
    results = []
    for (images, labels), shuffle in zip(parts, (True, False), strict=True):
        images = images.swapaxes(1, 2) if transpose else images
        samples = np.ascontiguousarray(images).reshape(len(images), -1) if flatten else np.ascontiguousarray(images)
        truth = np.eye(classes, dtype=np.float32)[labels] if one_hot else labels
        results.append(Dataset(samples, truth, batch_size, shuffle=shuffle, seed=seed, scale=1 / 255))
    return results[0], results[1]


def _read_part(
    folder: Path, name: str, kinds: tuple[str, ...], offset: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images and the classes of the training or the test files."""
    files = []
    for content, ndim in (("images-idx3-ubyte", 3), ("labels-idx1-ubyte", 1)):
        names = [f"{name}-{kind}-{content}".lstrip("-") for kind in kinds]
        found = [path for each in names for path in _mnist_files.find(folder, each)]
        if not found:
            raise FileNotFoundError(f"{folder} must have the file {' or '.join(names)}, plain or .gz; it has none")
        files.append(_idx.read(found[0], ndim))
    images, labels = files
    if len(images.array) != len(labels.array):
        raise ValueError(
            f"{images.path} and {labels.path} must have one label for each image; got {len(images.array)} images and "
            f"{len(labels.array)} labels"
        )
    if labels.array.min() < offset:
        raise ValueError(
            f"`label_offset` must be at most the smallest label of {labels.path}, {labels.array.min()}; got {offset}"
        )
    return images.array, labels.array.astype(np.int64) - offset
