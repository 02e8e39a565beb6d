"""Entries of the history: their times, values, copies from the device, and losses that are not finite."""

import math
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutedl_xp import Backend, Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.metrics import accuracy
from cutedl_xp.optimizers import Fixed

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]


class Scripted(Mse):
    """A loss with given values, one for each call."""

    def __init__(self, values: list[float]) -> None:
        self.values = iter(values)

    def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_gradient(backend, y_true, y_pred)
        return value * 0.0 + next(self.values), gradient


@pytest.fixture
def scripted_session(make_session: MakeSession) -> Callable[[list[float]], Session]:
    """Return a function that makes a session with given losses."""

    def make(values: list[float]) -> Session:
        return make_session(Dense(1, input_dim=1, activation="linear"), loss=Scripted(values))

    return make


def dataset(size: int, batch_size: int = 1) -> Dataset:
    x = np.linspace(-1.0, 1.0, size, dtype="float32").reshape(size, 1)
    return Dataset(x, x, batch_size=batch_size)


def expected_entries(
    first_epoch: int, epochs: int, epoch_steps: int, validated: bool, val_epochs: int, val_steps: int
) -> list[int]:
    """Return the numbers of the steps with an entry, by a check of each step."""
    first, last = first_epoch * epoch_steps + 1, (first_epoch + epochs) * epoch_steps
    entries = []
    for step in range(first, last + 1):
        epochs_done, within = divmod(step, epoch_steps)
        if not validated:
            due = within == 0
        elif val_steps:
            due = step % val_steps == 0
        else:
            due = within == 0 and epochs_done % val_epochs == 0
        if due or step == last:
            entries.append(step)
    return entries


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 4)),
    epochs=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    validated=st.booleans(),
    val_epochs=st.integers(1, 4),
    val_steps=st.integers(0, 9),
)
def test_entries_and_their_losses_for_any_plan(
    scripted_session: Callable[[list[float]], Session],
    sizes: tuple[int, int],
    epochs: tuple[int, int],
    validated: bool,
    val_epochs: int,
    val_steps: int,
) -> None:
    train = dataset(*sizes)
    total = sum(epochs) * len(train)
    session = scripted_session([])
    first_epoch = 0
    for count in epochs:
        entries = expected_entries(first_epoch, count, len(train), validated, val_epochs, val_steps)
        values = [0.5] if validated else []  # the first validation batch is tested before the training
        means, since = [], first_epoch * len(train)
        batch_sizes = [x.shape[0] for x, _ in train.batches(0)]
        for step in range(since + 1, (first_epoch + count) * len(train) + 1):
            values.append(float(step))
            if step in entries:
                steps = range(since + 1, step + 1)
                means.append(np.average(steps, weights=[batch_sizes[(each - 1) % len(train)] for each in steps]))
                since = step
                values += [0.25 * step] if validated else []
        session.loss.values = iter(values)
        options = {"val_data": dataset(3, batch_size=5)} if validated else {}
        history = session.fit(train, count, val_epochs=val_epochs, val_steps=val_steps, **options)
        assert history.steps == entries
        assert history.loss == pytest.approx(means)
        assert history.val_loss == pytest.approx([0.25 * step for step in entries] if validated else [])
        assert next(session.loss.values, "all used") == "all used"
        first_epoch += count
    assert session.step == total


@pytest.fixture
def copies(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return the list of shapes of arrays that are copied to the host; other ways of copying are an error."""
    shapes: list[tuple[int, ...]] = []
    original = type(backend).to_numpy

    def counted(self: Backend, array: Any) -> np.ndarray:
        shapes.append(tuple(array.shape))
        return original(self, array)

    def refused(self: Any) -> Any:
        raise AssertionError(f"an array of shape {self.shape} was made a Python number")

    monkeypatch.setattr(type(backend), "to_numpy", counted)
    if backend.name == "array_api_strict":
        for name in ("__bool__", "__complex__", "__float__", "__int__"):
            monkeypatch.setattr(type(backend.xp.empty(0)), name, refused)
    return shapes


@pytest.mark.parametrize(
    ("with_val_data", "val_steps", "entries"), [(False, 0, 4), (True, 0, 4), (True, 5, 3), (True, 1, 12)]
)
def test_figures_are_copied_once_an_entry_and_never_otherwise(
    make_session: MakeSession,
    backend: Backend,
    clusters: Clusters,
    copies: list[tuple[int, ...]],
    with_val_data: bool,
    val_steps: int,
    entries: int,
) -> None:
    session = make_session(metrics=[accuracy])
    data = Dataset(*clusters, batch_size=64)
    by_event: list[int] = []
    session.fit(
        data,
        epochs=4,
        val_data=data if with_val_data else None,
        val_steps=val_steps,
        listeners=[lambda event: by_event.append(len(copies))],
        train_metrics=False,
    )
    beforehand = by_event[0]
    if backend.name == "numpy":  # the results are on the host already
        assert len(copies) == beforehand
    else:
        assert len(copies) - beforehand == entries
        assert set(copies[beforehand:]) == {
            (13,) if with_val_data else (5,)
        }  # four sums for each result, and one more number
    assert beforehand <= 3  # the range of the labels of each data set, and whether the weights are finite


def test_cost_time_is_the_seconds_since_the_start_of_fit(
    make_session: MakeSession, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([100.0, 101.5, 104.0, 104.5, 200.0, 200.25, 201.0, 201.5])  # the last of each fit is for its record
    monkeypatch.setattr("cutedl_xp.training.log.time", SimpleNamespace(perf_counter=lambda: next(times)))
    session = make_session()
    assert session.fit(Dataset(*clusters), epochs=2).cost_time == [1.5, 4.0]
    assert session.fit(Dataset(*clusters), epochs=2).cost_time == [0.25, 1.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_training_loss_that_is_not_finite_stops(
    scripted_session: Callable[[list[float]], Session], bad: float
) -> None:
    session = scripted_session([1.0, 1.0, 1.0, bad, 7.0, 7.0])
    with pytest.warns(RuntimeWarning, match=f"loss is {bad} at step 4; a smaller learning rate") as caught:
        history = session.fit(dataset(2), epochs=3)
    assert history.stop_reason == f"loss is {bad} at step 4"
    assert history.steps == [2, 4]
    assert history.loss[0] == 1.0
    assert repr(history.loss[1]) == repr(bad)
    assert session.step == 4
    assert [warning.filename for warning in caught] == [__file__]  # the warning points at the call of fit


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_step_with_a_bad_loss(scripted_session: Callable[[list[float]], Session], bad: float) -> None:
    session = scripted_session([0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0, bad, 1.0, math.nan, 0.5])
    with pytest.warns(RuntimeWarning, match=r"; a smaller learning rate may help$"):
        history = session.fit(dataset(2), 9, val_data=dataset(1), val_epochs=2)
    assert (history.steps, history.stopped_by) == ([4, 8], "not_finite")
    assert history.stop_reason == "loss is nan at step 6"


def test_a_bad_loss_before_an_interruption_is_named_after_it(
    scripted_session: Callable[[list[float]], Session],
) -> None:
    session = scripted_session([1.0, 1.0, math.inf, 1.0, 1.0, 1.0])
    stop = FitListener("step_end", callback=lambda event: event.stop("enough") if event.step == 4 else None)
    assert session.fit(dataset(6), 1, listeners=[stop]).stopped_by == "listener"
    with pytest.warns(RuntimeWarning, match="loss is inf at step 3;"):
        session.fit(dataset(6), 1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_stops(
    scripted_session: Callable[[list[float]], Session], bad: float
) -> None:
    session = scripted_session([1.0, 1.0, 1.0, bad, 7.0])  # the first is that of the batch tested beforehand
    names: list[str] = []
    with pytest.warns(RuntimeWarning, match=f"because val_loss is {bad} at step 2"):
        history = session.fit(
            dataset(4),
            epochs=2,
            val_data=dataset(1),
            val_steps=2,
            listeners=[lambda event: names.append(event.name)],
        )
    assert history.stop_reason == f"val_loss is {bad} at step 2"
    assert (history.steps, history.loss) == ([2], [1.0])
    assert repr(history.val_loss) == repr([bad])
    assert names == ["epoch_start", "val_start", "val_end", "epoch_end"]


def test_a_warning_is_given_once_when_both_losses_are_not_finite(
    scripted_session: Callable[[list[float]], Session],
) -> None:
    session = scripted_session([1.0, math.nan, math.nan])
    with pytest.warns(RuntimeWarning, match="because loss is nan at step 1") as caught:
        history = session.fit(dataset(1), epochs=5, val_data=dataset(1))
    assert len(caught) == 1
    assert history.stop_reason == "loss is nan at step 1"


def test_a_reason_given_before_stays(scripted_session: Callable[[list[float]], Session]) -> None:
    session = scripted_session([1.0, math.nan, 1.0])
    with warnings.catch_warnings(record=True, action="always") as caught:
        history = session.fit(
            dataset(1), epochs=5, val_data=dataset(1), listeners=[lambda event: event.stop("at once")]
        )
    assert history.stop_reason == "at once"
    assert caught == []


def test_a_diverging_training_stops_by_itself(make_session: MakeSession) -> None:
    x = np.linspace(-1.0, 1.0, 8).reshape(8, 1)
    session = make_session(Dense(1, input_dim=1, activation="linear"), loss=Mse(), optimizer=Fixed(1e3))
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="the training stopped because loss is"):
        history = session.fit(Dataset(x, x, batch_size=8), epochs=1000)
    assert not math.isfinite(history.loss[-1])
    assert np.isfinite(history.loss[:-1]).all()
    assert len(history) < 50
