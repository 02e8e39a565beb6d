"""Fingerprints of data sets, by which a resumed training recognizes its data."""

import hashlib
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from cutedl_xp.backends import backend_of, dtype_name
from cutedl_xp.datasets import Dataset

_SAMPLED_ROWS = 64


def fingerprint(data: Dataset) -> dict[str, Any]:
    """Return what tells a data set from others, as plain values: shapes, dtypes, options, and a digest of some rows."""
    digest = hashlib.sha256()
    for array in (data.data, data.labels):
        digest.update(_sample(array))
    return {
        "samples": list(data.data.shape),
        "labels": list(data.labels.shape),
        "dtypes": [dtype_name(data.data.dtype), dtype_name(data.labels.dtype)],
        "batch_size": data.batch_size,
        "shuffle": data.shuffle,
        "drop_remainder": data.drop_remainder,
        "seed": data.seed,
        "scale": data.scale,
        "sha256": digest.hexdigest(),
    }


def _sample(array: Any) -> bytes:
    """Return the bytes of some rows, in the same order on every machine."""
    backend, size = backend_of(array), array.shape[0]
    numbers = np.unique(np.linspace(0, size - 1, min(size, _SAMPLED_ROWS)).astype(np.int64))
    rows = array_namespace(array).take(array, backend.asarray(numbers), axis=0)
    host = backend.to_numpy(rows)
    return host.astype(host.dtype.newbyteorder("<"), order="C").tobytes()
