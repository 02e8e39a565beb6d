"""How `Session.fit` counts, when it validates, what it tells its listeners, and how it ends."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, History, Session
from cutedl_xp.listeners import Event, FitListener
from cutedl_xp.metrics import accuracy

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def train(clusters: Clusters) -> Dataset:
    """Three batches an epoch."""
    return Dataset(*clusters, batch_size=64)


@pytest.fixture
def val_data(clusters: Clusters) -> Dataset:
    """One batch."""
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


def test_each_fit_has_a_history_of_its_own_and_counts_on(
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


def test_events_come_in_order_and_say_where_the_training_is(
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


def test_listeners_are_told_in_their_order(make_session: MakeSession, train: Dataset) -> None:
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
    """Each epoch that began is said to end, so that a bar or a file can be closed."""
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


def test_a_stopped_session_can_go_on(make_session: MakeSession, train: Dataset) -> None:
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


def test_data_stay_as_they_are(make_session: MakeSession, clusters: Clusters) -> None:
    x, classes = clusters[0].copy(), clusters[1].copy()
    data = Dataset(x, classes)
    make_session().fit(data, 2, val_data=data)
    np.testing.assert_array_equal(x, clusters[0])
    np.testing.assert_array_equal(classes, clusters[1])
