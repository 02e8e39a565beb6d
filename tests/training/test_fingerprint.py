"""Fingerprints of data sets."""

from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset
from cutedl_xp.training.fingerprint import fingerprint

X, Y = np.arange(300.0).reshape(100, 3), np.arange(100)


def test_it_is_the_same_for_equal_data() -> None:
    assert fingerprint(Dataset(X, Y)) == fingerprint(Dataset(X.copy(), Y.copy()))


def test_it_is_the_same_on_every_backend(backend: Backend) -> None:
    own = Dataset(backend.asarray(X, "float32"), backend.asarray(Y.astype("int32")))
    assert fingerprint(own) == fingerprint(Dataset(X.astype("float32"), Y.astype("int32")))


@pytest.mark.parametrize("change", [np.asfortranarray, lambda x: x.astype(">f8"), lambda x: np.flip(np.flip(x, 0), 0)])
def test_the_layout_in_memory_does_not_matter(change: Any) -> None:
    assert fingerprint(Dataset(change(X), Y)) == fingerprint(Dataset(X, Y))


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (Dataset(X[:99], Y[:99]), "samples"),
        (Dataset(X, Y.reshape(100, 1)), "labels"),
        (Dataset(X.astype("float32"), Y), "dtypes"),
        (Dataset(X, Y, batch_size=32), "batch_size"),
        (Dataset(X, Y, shuffle=False), "shuffle"),
        (Dataset(X, Y, drop_remainder=True), "drop_remainder"),
        (Dataset(X, Y, seed=1), "seed"),
        (Dataset(X, Y, scale=0.5), "scale"),
        (Dataset(X + 1.0, Y), "sha256"),
        (Dataset(X, Y[::-1]), "sha256"),
    ],
)
def test_it_detects_other_data_by(other: Dataset, name: str) -> None:
    mine, given = fingerprint(Dataset(X, Y)), fingerprint(other)
    assert mine[name] != given[name]


def test_the_first_and_the_last_row_count() -> None:
    for row in (0, 99):
        changed = X.copy()
        changed[row] += 1.0
        assert fingerprint(Dataset(changed, Y)) != fingerprint(Dataset(X, Y))
