"""Fingerprints of data sets, with which a resumed training checks its data."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp.backends import backend_of
from cutedl_xp.datasets import Batches, Data
from cutedl_xp.datasets._arrays import take_rows

_SAMPLED_ROWS = 64


def fingerprint(data: Data) -> dict[str, Any]:
    """Return the fingerprint of ``data`` as plain values: shapes, dtypes, options, and a digest of some rows.

    The fingerprint of batches that a function makes has only shapes and options, as their values may differ from call
    to call.
    """
    if isinstance(data, Batches):
        return _fingerprint_of_batches(data)
    rows = [_sample(array) for array in (data.data, data.labels)]
    weights = {} if data.sample_weight is None else {"weights": _bytes_digest([_sample(data.sample_weight)])}
    return weights | {
        "class": type(data).__name__,
        "samples": list(data.data.shape),
        "labels": list(data.labels.shape),
        "dtypes": [each.dtype.name for each in rows],
        "batch_size": data.batch_size,
        "shuffle": data.shuffle,
        "drop_remainder": data.drop_remainder,
        "seed": data.seed,
        "scale": data.scale,
        "sha256": _bytes_digest(rows),
    }


def _fingerprint_of_batches(data: Batches) -> dict[str, Any]:
    weights = [data.weighted, sorted(data.class_weight.items())]
    return ({"weights": hashlib.sha256(repr(weights).encode()).hexdigest()} if data.weighted else {}) | {
        "class": type(data).__name__,
        "samples": list(data.sample_shape),
        "labels": list(data.label_shape),
        "steps_per_epoch": len(data),
        "scale": data.scale,
    }


def _sample(array: Any) -> NDArray[Any]:
    """Return some rows of an array on the host, including the first and the last one."""
    size = array.shape[0]
    numbers = np.unique(np.linspace(0, size - 1, min(size, _SAMPLED_ROWS)).astype(np.int64))
    return backend_of(array).to_numpy(take_rows(array, numbers))


def _bytes_digest(rows: Sequence[NDArray[Any]]) -> str:
    return hashlib.sha256(b"".join(map(_bytes_of, rows))).hexdigest()


def _bytes_of(rows: NDArray[Any]) -> bytes:
    """Return the bytes of an array, in the same order on every machine."""
    return rows.astype(rows.dtype.newbyteorder("<"), order="C").tobytes()
