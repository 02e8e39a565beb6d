"""Data sets for studies, divided into samples for training, validation and test."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import check_fraction, check_text
from cutedl_xp.studies import models
from cutedl_xp.studies.data_files import read_path
from cutedl_xp.studies.named_data import NAMED
from cutedl_xp.studies.samples import Labels, Samples

Pair: TypeAlias = tuple[NDArray[Any], NDArray[np.float32]]
"""Features of shape ``(samples, features)``, and labels as rows with a single 1."""

_TEST_FRACTION = 0.2


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Divided data set with read-only arrays.

    Attributes
    ----------
    train, validation, test
        Features, float32 or unscaled uint8, and labels as float32 rows with a single 1.
    class_names
        Names of the classes, in the order of the labels' columns.
    scale
        Factor for the features in each batch, or None; see :class:`cutedl_xp.Dataset`.
    sha256
        Digest of the whole data set, independent of the division.
    name
        Name of the data set.
    warning
        Reason why results are not comparable with published results, or an empty string.
    """

    train: Pair
    validation: Pair
    test: Pair
    class_names: tuple[str, ...]
    scale: float | None
    sha256: str
    name: str
    warning: str


def load(text: str, *, validation: float | Literal["test"] = 0.1, target_column: str | None = None) -> Parts:
    """Read a data set and divide it, always in the same way.

    The test samples come from the source, or are 20 % of the samples. Every division takes the same fraction of each
    class. Features of scikit-learn's digits are divided by 16; uint8 features stay unchanged and have the scale
    1 / 255; others are standardised with the mean and the deviation of the training samples.

    Parameters
    ----------
    text
        ``"mnist"``, ``"digits"``, ``"breast-cancer"``, ``"wine"``, or the path of a folder of IDX files, of a
        ``.npz`` file with the arrays ``x`` and ``y`` and optionally ``x_test`` and ``y_test``, or of a ``.csv`` file
        with a header.
    validation
        Fraction of the training samples for the validation, by default 0.1, or ``"test"`` to validate with the test
        samples and train on all others.
    target_column
        Column of a CSV file that has the classes, by default the last one.

    Returns
    -------
    Parts
        Divided data set. The last four data sets stay in memory while their files do not change.

    Raises
    ------
    OSError, ImportError
        If a file cannot be read, or a package that has the data is missing.
    TypeError, ValueError
        If the file does not hold a data set, or an argument has another type or value.

    Examples
    --------
    >>> from cutedl_xp.studies import data
    >>> parts = data.load("digits")
    >>> parts.train[0].shape, parts.validation[0].shape, parts.test[1].shape
    ((1294, 64), (144, 64), (359, 10))
    """
    check_text("data", text)
    if isinstance(validation, str):
        if validation != "test":
            raise ValueError(f"`validation` must be a fraction or 'test'; got {validation!r}")
    else:
        validation = check_fraction("validation", validation)
    if target_column is not None:
        check_text("target_column", target_column)
    path = None if text in NAMED else Path(os.path.expanduser(text)).absolute()
    if path is not None and not path.exists():
        raise FileNotFoundError(
            f"the data must be one of {', '.join(NAMED)}, or the path of a folder of IDX files, of a .npz file or of a "
            f".csv file; got {text!r}, and no file has this path"
        )
    if target_column is not None and (path is None or path.suffix.lower() != ".csv"):
        raise ValueError(
            f"`target_column` must be left out for data that are no CSV file; got {target_column!r} for {text}"
        )
    return _load(text, path, validation, target_column, _describe_files(text, path))


def check_fits(parts: Parts, model: str) -> None:
    """Raise unless the input and the output of a model have the widths that the data need.

    Parameters
    ----------
    parts
        Data set.
    model
        Text of the model, see :mod:`cutedl_xp.studies.models`.

    Raises
    ------
    ValueError
        If a width does not fit.

    Examples
    --------
    >>> from cutedl_xp.studies import data
    >>> data.check_fits(data.load("digits"), "784-30-10")
    Traceback (most recent call last):
        ...
    ValueError: a model for digits must have 64 inputs and 10 outputs; got 784-30-10: use 64-30-10
    """
    widths = models.parse(model)
    inputs, outputs = parts.train[0].shape[1], len(parts.class_names)
    if (widths[0], widths[-1]) != (inputs, outputs):
        fitting = "-".join(map(str, (inputs, *widths[1:-1], outputs)))
        raise ValueError(
            f"a model for {parts.name} must have {inputs} inputs and {outputs} outputs; got {model}: use {fitting}"
        )


def _describe_files(text: str, path: Path | None) -> tuple[Any, ...]:
    """Return the names, sizes and times of the files of a data set, which change with them."""
    folder = os.environ.get("CUTEDL_XP_DATA") if text == "mnist" else None
    path = Path(os.path.expanduser(folder)).absolute() if folder else path
    if path is None:
        return ()
    files = sorted(path.glob("*ubyte*")) if path.is_dir() else [path]
    statuses = [(file, file.stat()) for file in files if file.exists()]
    return (path, *((file.name, status.st_size, status.st_mtime_ns) for file, status in statuses))


@lru_cache(maxsize=4)
def _load(
    text: str, path: Path | None, validation: float | str, target_column: str | None, files: tuple[Any, ...]
) -> Parts:
    samples = NAMED[text]() if path is None else read_path(path, target_column)
    x, labels = samples.x, samples.labels
    if samples.test is None:
        chosen = _choose(samples, labels, _TEST_FRACTION)
        x, labels, test = x[~chosen], labels[~chosen], (x[chosen], labels[chosen])
    else:
        test = samples.test
    parts = {"train": (x, labels), "validation": test, "test": test}
    if isinstance(validation, float):
        chosen = _choose(samples, labels, validation)
        parts |= {"train": (x[~chosen], labels[~chosen]), "validation": (x[chosen], labels[chosen])}
    return Parts(
        **_finish(samples, parts),
        class_names=samples.class_names,
        scale=samples.scale,
        sha256=samples.digest(),
        name=samples.name,
        warning=samples.warning,
    )


def _choose(samples: Samples, labels: Labels, fraction: float) -> NDArray[np.bool_]:
    """Return a mask of samples to set aside: the same fraction of each class, and never all samples of a class."""
    rng = np.random.default_rng(0)
    chosen = np.zeros(len(labels), dtype=np.bool_)
    sizes = np.bincount(labels, minlength=len(samples.class_names))
    ends = np.round(np.cumsum(sizes) * fraction).astype(np.int64)  # rounds the sum, and not each class
    for number, wanted in enumerate(np.diff(ends, prepend=0)):
        members = rng.permutation(np.flatnonzero(labels == number))
        chosen[members[: min(wanted, max(len(members) - 1, 0))]] = True
    if not chosen.any():
        raise ValueError(
            f"{samples.name} must have enough samples to set aside a fraction of {fraction:g}; got {len(labels)}: "
            "use more samples, or a larger fraction"
        )
    return chosen


def _finish(samples: Samples, parts: dict[str, tuple[NDArray[Any], Labels]]) -> dict[str, Pair]:
    """Return the parts with standardised features and one-hot labels as read-only arrays."""
    mean, deviation = _measure(parts["train"][0]) if samples.standardise else (0.0, 1.0)
    rows = np.eye(len(samples.class_names), dtype=np.float32)
    finished = {}
    for part, (x, labels) in parts.items():
        if x.dtype != np.uint8:
            with np.errstate(over="ignore"):
                x = ((x - mean) / deviation).astype(np.float32)
            if not np.isfinite(x).all():
                raise ValueError(
                    f"the features of {samples.name} must fit float32 after they are standardised; got a sample too "
                    "far from the others: remove it"
                )
        pair = np.ascontiguousarray(x), rows[labels]
        for array in pair:
            array.flags.writeable = False
        finished[part] = pair
    return finished


def _measure(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the deviation of each feature, with the deviation 1 for constant features."""
    deviation = x.std(axis=0)
    constant = (x.min(axis=0) == x.max(axis=0)) | (deviation == 0.0)
    return x.mean(axis=0), np.where(constant, 1.0, deviation)
