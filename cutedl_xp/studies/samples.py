"""Samples of a data set with their classes before the division, and checks for all sources."""

import hashlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import format_value

Labels: TypeAlias = NDArray[np.int64]

_LARGEST = 1e100  # so that squares are finite in float64
_MOST_CLASSES = 1000


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Samples of a data set before the division.

    Attributes
    ----------
    name
        Name of the data set, for tables and pictures.
    x
        Features, shape ``(samples, features)``.
    labels
        Number of each sample's class.
    class_names
        Names of the classes, by number.
    test
        Features and labels of the test samples, None if the division has to choose them.
    scale
        Factor of the features in each batch, or None.
    standardise
        Whether to standardise the features.
    warning
        Reason why results are not comparable with published results, or an empty string.
    """

    name: str
    x: NDArray[Any]
    labels: Labels
    class_names: tuple[str, ...]
    test: tuple[NDArray[Any], Labels] | None = None
    scale: float | None = None
    standardise: bool = False
    warning: str = ""

    def __post_init__(self) -> None:
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        if np.count_nonzero(counts) < 2:
            raise ValueError(
                f"{self.name} must have samples of at least 2 classes; got {len(self.labels)} of one class: "
                "name the file or the column that has the classes"
            )
        for class_name, count in zip(self.class_names, counts, strict=True):
            if count == 1:
                raise ValueError(
                    f"{self.name} must have at least 2 samples of each class; got 1 of class {class_name!r}: "
                    "remove this sample, or name the column that has the classes"
                )

    def digest(self) -> str:
        """Return the SHA-256 of all arrays and of the names of the classes."""
        digest = hashlib.sha256(repr((self.class_names, self.scale, self.standardise)).encode())
        for array in (self.x, self.labels, *(self.test or ())):
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def check_features(what: str, x: NDArray[Any]) -> NDArray[Any]:
    """Return features in two dimensions: uint8 unchanged, other real numbers as float64."""
    if x.dtype.kind not in "buif":
        raise ValueError(f"{what} must be an array of real numbers; got {format_value(x)}")
    if x.ndim < 2 or 0 in x.shape:
        raise ValueError(f"{what} must have a row of at least one feature for each sample; got {format_value(x)}")
    rows = x.reshape(len(x), -1)
    if rows.dtype == np.uint8:
        return rows
    rows = rows.astype(np.float64)
    wrong = ~(np.abs(rows) <= _LARGEST)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"{what} must be finite numbers of at most {_LARGEST:g}; got {rows[row, column]} in row {row}, column "
            f"{column}: correct or remove this sample"
        )
    return rows


def encode(what: str, classes: NDArray[Any]) -> tuple[Labels, tuple[str, ...]]:
    """Return the class number of each sample and the names of the classes in their order.

    Parameters
    ----------
    what
        Name of the argument in errors.
    classes
        Class of each sample: integers, texts or truth values of shape ``(samples,)`` or ``(samples, 1)``, or rows with
        a single 1.
    """
    if classes.ndim == 2 and classes.shape[1] > 1:
        if classes.dtype.kind not in "buif" or not _is_one_hot(classes):
            raise ValueError(f"{what} must have one 1 and otherwise 0 in each row; got {format_value(classes)}")
        return classes.argmax(axis=1).astype(np.int64), tuple(map(str, range(classes.shape[1])))
    if classes.ndim not in (1, 2) or classes.size == 0:
        raise ValueError(f"{what} must have one class for each sample; got {format_value(classes)}")
    classes = classes.reshape(-1)
    if classes.dtype.kind == "f":
        if not np.all(np.abs(classes) < 2**53) or not np.all(np.floor(classes) == classes):
            raise ValueError(f"{what} must be classes, whole numbers or texts; got fractions, NaN or too large numbers")
        classes = classes.astype(np.int64)
    if classes.dtype.kind not in "buiU":
        raise ValueError(f"{what} must be classes, whole numbers or texts; got {format_value(classes)}")
    names, labels = np.unique(classes, return_inverse=True)
    if len(names) > _MOST_CLASSES:
        raise ValueError(f"{what} must have at most {_MOST_CLASSES} classes; got {len(names)}: are they measurements?")
    return labels.astype(np.int64), tuple(map(str, names.tolist()))


def _is_one_hot(rows: NDArray[Any]) -> bool:
    return bool(np.all((rows == 0) | (rows == 1)) and np.all(np.count_nonzero(rows, axis=1) == 1))
