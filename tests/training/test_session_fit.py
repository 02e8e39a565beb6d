"""The counts, validations, events and ends of `Session.fit`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, History, Session
from cutedl_xp.layers import Dense, Dropout
from cutedl_xp.listeners import Event, FitListener
from cutedl_xp.metrics import accuracy

MakeSession = Callable[..., Session]
WeightsOf = Callable[[Session], dict[str, np.ndarray]]
Clusters = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def train(clusters: Clusters) -> Dataset:
    """Return a data set with three batches per epoch."""
    return Dataset(*clusters, batch_size=64)


@pytest.fixture
def val_data(clusters: Clusters) -> Dataset:
    """Return a data set with one batch."""
    return Dataset(clusters[0][:20], clusters[1][:20])


@pytest.mark.parametrize(
    ("with_val_data", "options", "steps"),
    [
        (True, {}, [3, 6, 9, 12, 15]),
        (False, {}, [3, 6, 9, 12, 15]),
        (True, {"val_epochs": 2}, [6, 12, 15]),
        (True, {"val_epochs": 5}, [15]),
        (True, {"val_epochs": 9}, [15]),
        (True, {"val_steps": 1}, list(range(1, 16))),
        (True, {"val_steps": 2}, [2, 4, 6, 8, 10, 12, 14, 15]),
        (True, {"val_steps": 3}, [3, 6, 9, 12, 15]),
        (True, {"val_steps": 7}, [7, 14, 15]),
        (True, {"val_steps": 100}, [15]),
        (True, {"val_steps": 5, "val_epochs": 2}, [5, 10, 15]),
        (False, {"val_steps": 2, "val_epochs": 2}, [3, 6, 9, 12, 15]),
    ],
)
def test_places_of_the_entries(
    make_session: MakeSession,
    train: Dataset,
    val_data: Dataset,
    with_val_data: bool,
    options: dict[str, int],
    steps: list[int],
) -> None:
    session = make_session(metrics=[accuracy])
    history = session.fit(train, 5, val_data=val_data if with_val_data else None, **options)
    assert history.steps == steps
    assert all(type(step) is int for step in history.steps)
    validated = len(steps) if with_val_data else 0
    lengths = [len(steps), len(steps), validated, validated]
    assert [len(s) for s in (history.cost_time, history.loss, history.val_loss, history.val_accuracy)] == lengths
    assert all(type(x) is float for x in history.loss + history.val_loss + history.val_accuracy + history.cost_time)
    assert history.cost_time == sorted(history.cost_time)
    assert history.cost_time[0] > 0


def test_each_fit_has_its_own_history_and_counts_on(
    make_session: MakeSession, train: Dataset, val_data: Dataset
) -> None:
    session = make_session()
    seen = []
    listener = FitListener("epoch_start", callback=lambda event: seen.append((event.epoch, event.last_epoch)))
    first = session.fit(train, 2, val_data=val_data, listeners=[listener])
    second = session.fit(train, 3, listeners=[listener])
    assert seen == [(0, 1), (1, 1), (2, 4), (3, 4), (4, 4)]
    assert (session.epoch, session.step) == (5, 15)
    assert session.history is second
    assert second is not first
    assert (first.steps, second.steps) == ([3, 6], [9, 12, 15])
    assert second.recorded == ("loss",)


def test_val_steps_and_val_epochs_count_over_all_fits(
    make_session: MakeSession, train: Dataset, val_data: Dataset
) -> None:
    session = make_session()
    assert session.fit(train, 1, val_data=val_data, val_steps=2).steps == [2, 3]
    assert session.fit(train, 1, val_data=val_data, val_steps=2).steps == [4, 6]
    assert session.fit(train, 3, val_data=val_data, val_epochs=2).steps == [12, 15]


def test_events_come_in_order_with_the_position_of_the_training(
    make_session: MakeSession, train: Dataset, val_data: Dataset
) -> None:
    session = make_session()
    events: list[tuple[Any, ...]] = []

    def note(event: Event) -> None:
        assert event.session is session
        assert event.history is session.history
        assert (event.last_epoch, event.epoch_steps) == (1, 3)
        events.append((event.name, event.epoch, event.step, list(event.history.steps)))

    session.fit(train, 2, val_data=val_data, val_steps=4, listeners=[note])
    assert events == [
        ("epoch_start", 0, 0, []),
        ("epoch_end", 0, 3, []),
        ("epoch_start", 1, 3, []),
        ("val_start", 1, 4, []),
        ("val_end", 1, 4, [4]),
        ("val_start", 1, 6, [4]),
        ("val_end", 1, 6, [4, 6]),
        ("epoch_end", 1, 6, [4, 6]),
    ]


def test_without_val_data_the_epochs_entry_is_there_at_its_end(make_session: MakeSession, train: Dataset) -> None:
    events: list[tuple[str, int]] = []
    make_session().fit(train, 2, listeners=[lambda event: events.append((event.name, len(event.history)))])
    assert events == [("epoch_start", 0), ("epoch_end", 1), ("epoch_start", 1), ("epoch_end", 2)]


def test_listeners_are_called_in_their_order(make_session: MakeSession, train: Dataset) -> None:
    told: list[str] = []
    listeners = [lambda event, name=name: told.append(name) for name in "abc"]
    make_session().fit(train, 1, listeners=listeners)
    assert told == list("abc") * 2


@pytest.mark.parametrize(
    ("name", "steps", "entries", "told"),
    [
        ("epoch_start", 3, [3], ["epoch_start", "epoch_end"]),
        ("val_start", 5, [3, 5], ["epoch_start", "val_start", "val_end", "epoch_end"]),
        ("val_end", 5, [3, 5], ["epoch_start", "val_start", "val_end", "epoch_end"]),
        ("epoch_end", 6, [3, 5], ["epoch_start", "val_start", "val_end", "epoch_end"]),
    ],
)
def test_a_listener_stops_the_training_without_another_step(
    make_session: MakeSession,
    train: Dataset,
    val_data: Dataset,
    name: str,
    steps: int,
    entries: list[int],
    told: list[str],
) -> None:
    """Each epoch that began sends an "epoch_end", so that a bar or a file can be closed."""
    session = make_session()
    session.fit(train, 1, val_data=val_data, listeners=[])
    names: list[str] = []
    listeners = [
        FitListener(name, callback=lambda event: event.stop("enough")),
        FitListener(name, callback=lambda event: event.stop("too late")),
        lambda event: names.append(event.name),
    ]
    history = session.fit(train, 9, val_data=val_data, val_steps=5, listeners=listeners)
    assert session.step == steps
    assert [3, *history.steps] == entries
    assert names == told
    assert history.stop_reason == "enough"


def test_a_stopped_session_can_continue(make_session: MakeSession, train: Dataset) -> None:
    session = make_session()
    stop = FitListener("epoch_end", callback=lambda event: event.stop("enough"))
    assert session.fit(train, 9, listeners=[stop]).stop_reason == "enough"
    assert session.fit(train, 2).stop_reason == "all epochs done"
    assert (session.epoch, session.step) == (3, 9)


def test_the_reason_is_open_while_a_training_runs(make_session: MakeSession, train: Dataset) -> None:
    reasons: list[str | None] = []
    history = make_session().fit(train, 2, listeners=[lambda event: reasons.append(event.history.stop_reason)])
    assert reasons == [None] * 4
    assert history.stop_reason == "all epochs done"


@pytest.mark.parametrize(("why", "error"), [(None, TypeError), (3, TypeError), ("", ValueError)])
def test_a_stop_needs_a_reason(make_session: MakeSession, train: Dataset, why: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`why` must"):
        make_session().fit(train, 1, listeners=[lambda event: event.stop(why)])


def test_an_error_of_a_listener_ends_the_fit_with_what_was_recorded(
    make_session: MakeSession, train: Dataset, val_data: Dataset
) -> None:
    def fail_late(event: Event) -> None:
        if event.name == "epoch_end" and event.epoch == 1:
            raise LookupError("of the listener's own")

    session = make_session()
    with pytest.raises(LookupError, match="of the listener's own"):
        session.fit(train, 5, val_data=val_data, listeners=[fail_late])
    assert session.step == 6
    assert isinstance(session.history, History)
    assert session.history.steps == [3, 6]


def test_the_shuffling_of_an_epoch_depends_on_its_number(make_session: MakeSession, clusters: Clusters) -> None:
    asked: list[int] = []

    class Watched(Dataset):
        def batches(self, epoch: int, *args: Any) -> Any:
            asked.append(epoch)
            return super().batches(epoch, *args)

    session = make_session()
    train = Watched(*clusters)
    session.fit(train, 2)
    session.fit(train, 2)
    assert asked == [0, 1, 2, 3]


def test_data_stay_unchanged(make_session: MakeSession, clusters: Clusters) -> None:
    x, classes = clusters[0].copy(), clusters[1].copy()
    data = Dataset(x, classes)
    make_session().fit(data, 2, val_data=data)
    np.testing.assert_array_equal(x, clusters[0])
    np.testing.assert_array_equal(classes, clusters[1])


def test_a_validation_that_raises_is_said_to_end(make_session: MakeSession, train: Dataset, val_data: Dataset) -> None:
    calls: list[int] = []

    def fails_at_the_second(y_true: Any, y_pred: Any) -> float:
        calls.append(1)
        if len(calls) == 3:  # the first call tests the validation data
            raise LookupError("of the metric")
        return 0.5

    names: list[str] = []
    session = make_session(metrics=[fails_at_the_second])
    with pytest.raises(LookupError, match="of the metric"):
        session.fit(train, 4, val_data=val_data, listeners=[lambda event: names.append(event.name)])
    assert names == ["epoch_start", "val_start", "val_end", "epoch_end", "epoch_start", "val_start", "val_end"]
    assert session.history is not None
    assert (session.history.steps, session.history.stopped_by) == ([3], "error")


@pytest.mark.parametrize("failing", ["val_start", "val_end"])
def test_each_listener_that_heard_of_the_start_of_a_validation_hears_of_its_end(
    make_session: MakeSession, train: Dataset, val_data: Dataset, failing: str
) -> None:
    heard: list[tuple[int, str]] = []

    def listener(number: int) -> Callable[[Event], None]:
        def hear(event: Event) -> None:
            heard.append((number, event.name))
            if number == 1 and event.name == failing:
                raise LookupError("of the listener's own")

        return FitListener("val_start", "val_end", callback=hear)

    with pytest.raises(LookupError):
        make_session().fit(train, 2, val_data=val_data, listeners=[listener(number) for number in range(3)])
    begun = [number for number, name in heard if name == "val_start"]
    assert begun == ([0, 1] if failing == "val_start" else [0, 1, 2])
    assert [number for number, name in heard if name == "val_end"] == begun


def test_step_end_is_for_listeners_that_ask_for_it(
    make_session: MakeSession, train: Dataset, val_data: Dataset
) -> None:
    seen: list[tuple[Any, ...]] = []
    steps = FitListener(
        "step_end", callback=lambda event: seen.append((event.epoch, event.step, event.batch, len(event.history)))
    )
    names: set[str] = set()
    make_session().fit(train, 2, val_data, val_steps=2, listeners=[lambda event: names.add(event.name), steps])
    assert seen == [(0, 1, 1, 0), (0, 2, 2, 1), (0, 3, 3, 1), (1, 4, 1, 2), (1, 5, 2, 2), (1, 6, 3, 3)]
    assert names == {"epoch_start", "epoch_end", "val_start", "val_end"}


def test_a_training_can_be_stopped_after_any_step(make_session: MakeSession, train: Dataset) -> None:
    session = make_session()
    stop = FitListener("step_end", callback=lambda event: event.step == 4 and event.stop("enough"))
    assert session.fit(train, 5, listeners=[stop]).stop_reason == "enough"
    assert (session.epoch, session.step) == (1, 4)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("stops", [(1,), (2, 3), (1, 2, 4, 5, 7)])
def test_a_training_continues_where_it_stopped(
    make_session: MakeSession, weights_of: WeightsOf, clusters: Clusters, stops: tuple[int, ...], shuffle: bool
) -> None:
    train = Dataset(*clusters, batch_size=64, shuffle=shuffle)
    undisturbed, stopped = (
        make_session(Dense(5, input_dim=2), Dropout(0.5), Dense(3, activation="relu")) for _ in range(2)
    )
    expected = undisturbed.fit(train, 3)
    stop = FitListener("step_end", callback=lambda event: event.step in stops and event.stop("enough"))
    epochs, losses = [], []
    while stopped.step < undisturbed.step:
        epochs.append((stopped.epoch, stopped.step))
        losses += stopped.fit(train, 1, listeners=[stop]).loss
    assert stopped.epoch == undisturbed.epoch == 3
    assert all(step // 3 == epoch for epoch, step in epochs)
    assert losses == expected.loss  # of whole epochs, including the steps before a stop
    for name, value in weights_of(stopped).items():
        np.testing.assert_array_equal(value, weights_of(undisturbed)[name])


def test_the_rest_of_an_epoch_is_the_first_of_the_next_fit(make_session: MakeSession, train: Dataset) -> None:
    session = make_session()
    session.fit(train, 1)
    session.fit(train, 2, listeners=[FitListener("step_end", callback=lambda event: event.stop("enough"))])
    events: list[tuple[Any, ...]] = []
    session.fit(
        train,
        2,
        listeners=[lambda event: events.append((event.name, event.epoch, event.batch, event.last_epoch))],
    )
    assert events == [
        ("epoch_start", 1, 1, 2),
        ("epoch_end", 1, 3, 2),
        ("epoch_start", 2, 0, 2),
        ("epoch_end", 2, 3, 2),
    ]
    assert (session.epoch, session.step) == (3, 9)


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({}, 6),
        ({"batch_size": 50}, 7),
        ({"seed": 1}, 7),
        ({"shuffle": False}, 7),
        ({"drop_remainder": True}, 6),
        ({"size": 149}, 7),
        ({"scale": 2.0}, 6),
    ],
)
def test_other_training_data_start_the_epoch_again(
    make_session: MakeSession, clusters: Clusters, change: dict[str, Any], steps: int
) -> None:
    def data(size: int = 150, batch_size: int = 64, **options: Any) -> Dataset:
        return Dataset(clusters[0][:size], clusters[1][:size], batch_size, **options)

    session = make_session()
    stop = FitListener("step_end", callback=lambda event: event.step == 4 and event.stop("enough"))
    session.fit(data(), 2, listeners=[stop])
    history = session.fit(data(**change), 1)
    assert (session.epoch, session.step, history.steps) == (2, steps, [steps])


def test_an_epoch_is_finished_with_its_last_step(make_session: MakeSession, train: Dataset, val_data: Dataset) -> None:
    session, seen = make_session(), []
    listener = FitListener(
        "step_end", "val_end", "epoch_end", callback=lambda event: seen.append((event.name, event.epoch, session.epoch))
    )
    session.fit(train, 1, val_data, listeners=[listener])
    assert seen == [("step_end", 0, 0)] * 2 + [("val_end", 0, 1), ("step_end", 0, 1), ("epoch_end", 0, 1)]


def test_after_an_error_in_an_epochs_end_its_steps_are_not_repeated(make_session: MakeSession, train: Dataset) -> None:
    def fail(event: Event) -> None:
        raise LookupError

    session = make_session()
    with pytest.raises(LookupError):
        session.fit(train, 2, listeners=[FitListener("epoch_end", callback=fail)])
    assert (session.epoch, session.step) == (1, 3)
    assert session.fit(train, 1).steps == [6]
