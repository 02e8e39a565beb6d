"""Data and labels of every dtype and byte order train on every backend, with the result of the usual dtypes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Session, layers, losses, metrics

INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
FLOATS = ("f2", "f4", "f8")
BOTH_ORDERS = [f"{order}{kind}" for kind in INTEGERS + FLOATS for order in "<>"]
of_integers = pytest.mark.parametrize("dtype", [each for each in BOTH_ORDERS if each[1] != "f"])
of_numbers = pytest.mark.parametrize("dtype", BOTH_ORDERS)

SPARSE = losses.SparseCategoricalCrossentropy()
RANDOM = np.random.default_rng(5)
DATA = RANDOM.integers(0, 4, (40, 3))
CLASSES = DATA[:, 0] % 2


def trained(make_session: Callable[..., Session], loss: losses.Loss, data: Any, labels: Any) -> dict[str, Any]:
    """Return the results of a training of two epochs with validation."""
    session = make_session(layers.Dense(2, input_dim=3, activation="relu"), loss=loss, metrics=[metrics.accuracy])
    dataset = Dataset(data, labels, 16)
    history = session.fit(dataset, 2, val_data=dataset)
    return {"loss": history.loss, "val_loss": history.val_loss} | session.evaluate(dataset)


@of_integers
@pytest.mark.parametrize("place", ["host", "device"])
def test_labels(backend: Backend, make_session: Callable[..., Session], dtype: str, place: str) -> None:
    x = DATA.astype("float32")
    for loss, labels in ((SPARSE, CLASSES), (losses.CategoricalCrossentropy(), np.eye(2, dtype=int)[CLASSES])):
        data: list[Any] = [x, labels.astype(dtype)]
        if place == "device":
            data = [backend.asarray(array) for array in data]
        assert trained(make_session, loss, *data) == trained(make_session, loss, x, labels)


@of_numbers
def test_data_and_labels_that_are_numbers(make_session: Callable[..., Session], dtype: str) -> None:
    labels = np.stack([CLASSES, 1 - CLASSES], axis=1)
    for loss in (losses.Mse(), losses.BinaryCrossentropy()):
        expected = trained(make_session, loss, DATA.astype("float32"), labels.astype("float32"))
        assert trained(make_session, loss, DATA.astype(dtype), labels.astype(dtype)) == expected


@of_numbers
def test_arrays_keep_their_numbers_and_dtype_on_the_way_to_a_backend(backend: Backend, dtype: str) -> None:
    if dtype.endswith("f2") and backend.name == "array_api_strict":
        pytest.skip("array-api-strict has no float16")
    array = DATA.astype(dtype)
    moved = backend.asarray(array)
    np.testing.assert_array_equal(backend.to_numpy(moved), DATA)
    assert backend.to_numpy(moved).dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    converted = backend.to_numpy(backend.asarray(array, "float32"))
    np.testing.assert_array_equal(converted, DATA.astype("float32"))
    assert converted.dtype == "float32"


@of_numbers
@pytest.mark.parametrize("scale", [None, 0.5])
def test_batches_have_the_data_s_precision(dtype: str, scale: float | None) -> None:
    x, _ = next(Dataset(DATA.astype(dtype), CLASSES, 40, shuffle=False, scale=scale).batches(0))
    assert x.dtype == ("float64" if dtype.endswith("f8") else "float32")
    np.testing.assert_array_equal(x, DATA * (scale or 1.0))


@of_integers
def test_labels_out_of_range_are_refused(make_session: Callable[..., Session], dtype: str) -> None:
    session = make_session(layers.Dense(2, input_dim=3, activation="relu"), loss=SPARSE)
    with pytest.raises(ValueError, match="takes labels from 0 to 1; got labels from 0 to 2"):
        session.fit(Dataset(DATA.astype("float32"), (CLASSES * 2).astype(dtype)), 1)


def test_integers_that_pytorch_cannot_compute_with_are_refused(
    backend: Backend, make_session: Callable[..., Session]
) -> None:
    if backend.name != "torch":
        pytest.skip("of PyTorch alone")
    labels = CLASSES.astype("u8")
    labels[3] = 2**63 + 5
    session = make_session(layers.Dense(2, input_dim=3, activation="relu"))
    with pytest.raises(ValueError, match=r"integers must be below 2\*\*63 on PyTorch; got a torch array of dtype"):
        session.fit(Dataset(DATA.astype("float32"), labels), 1)
