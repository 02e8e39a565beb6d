"""The memory of listeners belongs to a session and lasts from one fit to the next."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutedl_xp import Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import EarlyStopping, Event, FitListener, ReduceOnPlateau, TargetReached
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Fixed

MakeSession = Callable[..., Session]
ONE = Dataset(np.ones((1, 1)), np.ones((1, 1)), batch_size=1)


class Scripted(Mse):
    """A loss whose values are given, one for each step."""

    def __init__(self, values: list[float]) -> None:
        self.values = iter(values)

    def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_gradient(backend, y_true, y_pred)
        return value * 0.0 + next(self.values), gradient


class Recalling:
    """A user's listener, which counts the epochs."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.count = -99  # to be loaded
        self.stop_at = stop_at

    def __call__(self, event: Event) -> None:
        self.count += event.name == "epoch_end"
        if self.count == self.stop_at:
            event.stop("enough")

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count} if self.count else {}

    def load_state_dict(self, d: dict[str, Any]) -> None:
        self.count = d.get("count", 0)


@pytest.fixture
def scripted(make_session: MakeSession) -> Callable[[list[float]], Session]:
    """Return a function that makes a session with given losses."""
    return lambda values: make_session(
        Dense(1, input_dim=1, activation="linear"), loss=Scripted(values), optimizer=Fixed(0.5)
    )


def epochs_and_rates(session: Session, listener: Any, fits: list[int]) -> tuple[int, list[float], str | None]:
    """Return the epochs until a listener stops the training, the rates of its entries, and the reason."""
    rates: list[float] = []
    for epochs in fits:
        history = session.fit(ONE, epochs, listeners=[listener])
        assert isinstance(history.lr, list)
        rates += history.lr
        if history.stopped_by == "listener":
            return session.epoch, rates, history.stop_reason
    return session.epoch, rates, None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_fits_in_a_loop_are_one_fit(scripted: Callable[[list[float]], Session], data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, 9).map(float), min_size=20, max_size=20))
    patience, min_delta = data.draw(st.integers(1, 7)), data.draw(st.sampled_from([0.0, 1.0, 2.5]))
    fits = data.draw(st.lists(st.integers(1, 5), min_size=20, max_size=20))
    fits = [epochs for place, epochs in enumerate(fits) if sum(fits[: place + 1]) <= 20]
    fits += [1] * (20 - sum(fits))
    listener = data.draw(
        st.sampled_from(
            [
                EarlyStopping("loss", patience, min_delta),
                ReduceOnPlateau("loss", 0.5, patience, min_delta),
                TargetReached("loss", 3.0, patience),
            ]
        )
    )
    expected = epochs_and_rates(scripted(values), listener, [20])
    assert epochs_and_rates(scripted(values), listener, fits) == expected  # the same listener in another session
    assert epochs_and_rates(scripted(values), copy.deepcopy(listener), [1] * 20) == expected


def test_the_memory_stays_small(scripted: Callable[[list[float]], Session]) -> None:
    session = scripted([float(1000 - place) for place in range(300)])
    for _ in range(3):
        session.fit(ONE, 100, listeners=[EarlyStopping("loss", 4, 0.0), ReduceOnPlateau("loss", patience=3)])
    memory, watched = session._memory.state_dict(), {"watches": ["loss", "min"], "unread": 0}
    assert memory == {
        "EarlyStopping": [
            {"best": 705.0, "last": [704.0, 703.0, 702.0, 701.0], "best_weights": {}, "stopped": False} | watched
        ],
        "ReduceOnPlateau": [{"best": 704.0, "last": [703.0, 702.0, 701.0], "waited": 3} | watched],
    }


def test_listeners_of_a_class_have_a_place_each(scripted: Callable[[list[float]], Session]) -> None:
    session, first, second = scripted([1.0] * 9), Recalling(), Recalling()
    other = FitListener("epoch_end", callback=lambda event: None)
    session.fit(ONE, 2, listeners=[other, first, second])
    session.fit(ONE, 1, listeners=[first])  # the other memory is kept
    assert session._memory.state_dict() == {"Recalling": [{"count": 3}, {"count": 2}]}
    first.count = second.count = 70
    session.fit(ONE, 1, listeners=[second, other, first])
    assert (second.count, first.count) == (4, 3)


def test_a_listener_of_two_sessions_has_two_memories(scripted: Callable[[list[float]], Session]) -> None:
    listener, sessions = Recalling(), [scripted([1.0] * 9) for _ in range(2)]
    for epochs in (1, 2, 3):
        for session in sessions:
            session.fit(ONE, epochs, listeners=[listener])
            assert listener.count == session.epoch


def test_a_listener_that_has_stopped_a_training_starts_over(scripted: Callable[[list[float]], Session]) -> None:
    session, stopping, other = scripted([1.0] * 99), Recalling(stop_at=3), Recalling()
    for fits in (1, 2, 3):
        assert session.fit(ONE, 5, listeners=[stopping, other]).stopped_by == "listener"
        assert (session.epoch, stopping.count, other.count) == (3 * fits, 3, 3 * fits)
    session.fit(ONE, 2, listeners=[stopping, other])
    assert (stopping.count, other.count) == (2, 11)


def test_both_start_over_when_both_stop_it(scripted: Callable[[list[float]], Session]) -> None:
    session, listeners = scripted([1.0] * 99), [Recalling(stop_at=2), Recalling(stop_at=2)]
    session.fit(ONE, 5, listeners=listeners)
    session.fit(ONE, 1, listeners=listeners)
    assert [listener.count for listener in listeners] == [1, 1]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_it_is_kept_after_an_exception(scripted: Callable[[list[float]], Session], error: type[BaseException]) -> None:
    def fail(event: Event) -> None:
        if event.name == "epoch_end" and event.epoch == 1:
            raise error

    session, listener = scripted([1.0] * 9), Recalling()
    with pytest.raises(error):
        session.fit(ONE, 5, listeners=[listener, fail])
    session.fit(ONE, 1, listeners=[listener])
    assert listener.count == 3


def test_a_memory_that_is_not_a_dict_is_refused(scripted: Callable[[list[float]], Session]) -> None:
    listener = Recalling()
    listener.state_dict = lambda: 3  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(TypeError, match=r"state_dict\(\) of a Recalling must return a dict; got 3"):
        scripted([1.0]).fit(ONE, 1, listeners=[listener])


def test_the_memory_is_stored_as_a_copy(scripted: Callable[[list[float]], Session]) -> None:
    class Collecting(Recalling):
        def load_state_dict(self, d: dict[str, Any]) -> None:
            self.kept = d.get("kept", [])

        def state_dict(self) -> dict[str, Any]:
            return {"kept": self.kept}

        def __call__(self, event: Event) -> None:
            self.kept.append(event.name)

    session, listener = scripted([1.0] * 3), Collecting()
    session.fit(ONE, 1, listeners=[listener])
    listener.kept.append("later")
    session.fit(ONE, 1, listeners=[listener])
    assert listener.kept == ["epoch_start", "epoch_end"] * 2


def test_a_fit_within_a_fit_of_the_same_session_is_refused(scripted: Callable[[list[float]], Session]) -> None:
    session = scripted([1.0] * 3)
    for action in (
        lambda event: session.fit(ONE, 1),
        lambda event: session.load_state_dict({}),
    ):
        with pytest.raises(RuntimeError, match=r"a fit of this session is running; wait for its end"):
            session.fit(ONE, 1, listeners=[action])
    session.fit(ONE, 1)
    assert session.epoch == 1
