"""The explanation of a loss that is not finite."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.losses import Mse
from cutedl_xp.training import diagnosis
from cutedl_xp.training.diagnosis import explain_non_finite

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("argument", ["train", "val_data"])
def test_a_row_that_is_not_finite_is_named(
    make_session: MakeSession, clusters: Clusters, argument: str, value: float
) -> None:
    bad = clusters[0].copy()
    bad[37, 1] = bad[99, 0] = value
    numbers = clusters[1][:, None].astype("float32")
    good, other = Dataset(clusters[0], numbers), Dataset(bad, numbers)
    data = {"train": good, "val_data": good, argument: other}
    session = make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse())  # infinite for infinite outputs
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning) as caught:
        history = session.fit(data["train"], 3, val_data=data["val_data"])
    [warning] = caught
    order = other.row_numbers(0).tolist()
    first = order.index(37) // other.batch_size + 1 if argument == "train" else 3
    assert order.index(37) < order.index(99)
    expected = (
        rf"because (val_)?loss is (nan|-?inf) at step {first}; `{argument}` has the value {value} in row 37 of its samp"
    )
    assert re.search(expected, str(warning.message))
    assert "learning rate" not in str(warning.message)
    assert history.stopped_by == "not_finite"
    assert warning.filename == __file__


def test_only_a_failure_searches_the_data(
    make_session: MakeSession, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[Any] = []
    monkeypatch.setattr("cutedl_xp.training.finiteness.explain_non_finite", lambda *given: searched.append(given))
    make_session().fit(Dataset(*clusters), 2, val_data=Dataset(*clusters))
    assert searched == []


@pytest.mark.parametrize("row", [0, 6, 7, 8, 20])
def test_large_data_are_searched_piece_by_piece(backend: Backend, monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    monkeypatch.setattr(diagnosis, "_ENTRIES_AT_ONCE", 14)
    samples = np.zeros((21, 1, 2), "float32")
    samples[row, 0, 1] = np.inf
    data = Dataset(backend.asarray(samples), backend.asarray(np.zeros(21)))
    assert explain_non_finite("train", data, "float32").startswith(f"`train` has the value inf in row {row} of")


def test_a_number_that_the_models_dtype_does_not_have_is_found() -> None:
    data = Dataset(np.array([[1.0], [1e300]]), np.zeros(2))
    assert explain_non_finite("train", data, "float32").startswith("`train` has the value inf in row 1 of its samples")
    assert explain_non_finite("train", data, "float64") == "a smaller learning rate may help"


@pytest.mark.parametrize("dtype", ["uint8", "bool", "float32"])
def test_good_data_leave_the_learning_rate(dtype: str) -> None:
    data = Dataset(np.ones((3, 2), dtype), np.zeros(3))
    assert explain_non_finite("train", data, "float32") == "a smaller learning rate may help"
