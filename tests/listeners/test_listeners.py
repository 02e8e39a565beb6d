"""Listeners with histories written by hand, at the boundaries of their conditions."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import Dataset, History, Session, losses
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import EarlyStopping, Event, FitListener, ReduceOnPlateau, TargetReached
from cutedl_xp.metrics import accuracy
from cutedl_xp.optimizers import AverageWeights, Fixed
from cutedl_xp.schedules import Step
from cutedl_xp.training import events as _event
from cutedl_xp.training.stopping import Stopping

MakeSession = Callable[..., Session]
NAN = math.nan


def event_of(
    history: History, name: str = "val_end", step: int = 0, stopping: Stopping | None = None, session: Any = None
) -> Event:
    stopping = stopping or Stopping(history)
    return Event(name, session, history, epoch=0, step=step, last_epoch=9, epoch_steps=1, stopping=stopping)


def stopped_after(listener: Callable[[Event], None], values: list[float]) -> int | None:
    """Return the entry, from 1, after which the listener stops for these monitored values, or None."""
    history = History(metrics=["accuracy"])
    for step, value in enumerate(values, 1):
        history.append(steps=step, cost_time=0.0, loss=value, val_loss=value, metrics={"accuracy": value})
        listener(event_of(history, step=step))
        if history.stop_reason is not None:
            return step
    return None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 1.0, 1.0], None),  # patience entries and one before them are needed
        ([1.0, 1.0, 1.0, 1.0], 4),
        ([1.0, 2.0, 3.0, 4.0], 4),
        ([1.0, 1.0, 1.0, 0.75], 4),  # smaller by exactly min_delta is not enough
        ([1.0, 1.0, 1.0, 0.7499999], None),
        ([1.0, 0.5, 0.5, 0.5], None),
        ([1.0, 0.5, 0.5, 0.5, 0.5], 5),
        ([1.0, 0.5, 2.0, 2.0, 0.2], None),  # the last one counts
        ([1.0, 0.5, 0.2, 2.0, 2.0, 2.0], 6),  # the best earlier entry, not the first and not the previous one
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], None),  # small steps add up over the patience
        ([1.0, 0.95, 0.9, 0.85, 0.8], 4),  # and here the steps do not
        ([0.5, 0.9, 0.8, 0.4], 4),
        ([-1.0, -1.5, -2.0, -2.5], None),
        ([1.0, 1.0, 1.0, 1.0, 0.0], 4),
        ([NAN, 1.0, 0.7, 0.4], None),  # a NaN is never the best
        ([1.0, NAN, NAN, 0.5], None),
        ([1.0, NAN, NAN, NAN], 4),
        ([NAN, NAN, NAN, NAN], 4),
        ([0.5, NAN, 1.0, NAN], 4),
        ([], None),
    ],
)
@pytest.mark.parametrize("monitor", ["loss", "val_loss", "val_accuracy"])
def test_early_stopping(monitor: str, values: list[float], expected: int | None) -> None:
    assert stopped_after(EarlyStopping(monitor, patience=3, min_delta=0.25, mode="min"), values) == expected
    negated = [-value for value in values]
    assert stopped_after(EarlyStopping(monitor, patience=3, min_delta=0.25, mode="max"), negated) == expected


@given(
    values=st.lists(st.integers(0, 12), max_size=16), patience=st.integers(1, 6), min_delta=st.sampled_from([0, 1, 3])
)
def test_early_stopping_follows_its_definition(values: list[int], patience: int, min_delta: int) -> None:
    expected = None
    for count in range(patience + 1, len(values) + 1):
        before, last = values[: count - patience], values[count - patience : count]
        if not any(all(new < old - min_delta for old in before) for new in last):
            expected = count
            break
    listener = EarlyStopping(patience=patience, min_delta=min_delta)
    assert stopped_after(listener, [float(value) for value in values]) == expected


def test_early_stopping_gives_the_reason() -> None:
    history = History()
    for step in range(1, 22):
        history.append(steps=step, cost_time=0.0, loss=1.0, val_loss=1.0)
    EarlyStopping()(event_of(history))
    assert history.stop_reason == "val_loss has not improved by more than 0.001 in 20 validations"


def test_early_stopping_defaults_are_the_articles() -> None:
    assert EarlyStopping() == EarlyStopping(monitor="val_loss", patience=20, min_delta=1e-3, mode="min")
    assert EarlyStopping("loss").mode == "min"
    assert EarlyStopping("val_accuracy", 5, 0.01, "max") == EarlyStopping("val_accuracy", 5, 0.01, mode="max")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.95, 0.95], None),
        ([0.95, 0.95, 0.95], 3),
        ([0.9, 0.95, 0.95], None),  # above the target, not at it
        ([0.95, 0.95, 0.9, 0.95, 0.95, 0.95], 6),
        ([0.95, 0.95, 0.8, 0.95, 0.95, 0.95, 0.95], 6),
        ([0.90000001] * 3, 3),
        ([0.95, NAN, 0.95, 0.95], None),
        ([0.95, 0.95, NAN], None),
        ([NAN, 0.95, 0.95, 0.95], 4),
        ([], None),
    ],
)
@pytest.mark.parametrize("monitor", ["val_accuracy", "val_loss", "loss"])
def test_target_reached(monitor: str, values: list[float], expected: int | None) -> None:
    assert stopped_after(TargetReached(monitor, target=0.9, times=3, mode="above"), values) == expected


@pytest.mark.parametrize("mode", ["below", "min", None])
def test_a_target_can_be_fallen_below(mode: str | None) -> None:
    def listener() -> TargetReached:
        return TargetReached("val_loss", target=0.5, times=2, mode=mode)

    assert stopped_after(listener(), [0.4, 0.5, 0.4, NAN, 0.4, 0.3]) == 6
    assert stopped_after(listener(), [0.9, 0.9, 0.9]) is None
    assert TargetReached(mode="max") == TargetReached(mode="above") == TargetReached()
    assert TargetReached("loss", mode="below") == TargetReached("loss")


def test_a_count_of_the_other_side_of_the_target_is_not_taken_over() -> None:
    above, below = TargetReached("val_loss", 0.5, 2, "above"), TargetReached("val_loss", 0.5, 2)
    assert stopped_after(above, [0.9]) is None
    below.load_state_dict(above.state_dict())
    assert below.state_dict()["in_a_row"] == 0


def test_target_reached_gives_the_reason_and_defaults_are_the_articles() -> None:
    assert TargetReached() == TargetReached(monitor="val_accuracy", target=0.91, times=20)
    history = History(metrics=["accuracy"])
    for step in range(1, 21):
        assert history.stop_reason is None
        history.append(steps=step, cost_time=0.0, loss=1.0, val_loss=1.0, metrics={"accuracy": 0.92})
        TargetReached()(event_of(history))
    assert history.stop_reason == "val_accuracy was above 0.91 20 times in a row"


@pytest.mark.parametrize("listener", [EarlyStopping("val_loss"), TargetReached("val_loss")])
def test_a_monitor_that_is_not_recorded_is_refused(listener: Callable[[Event], None]) -> None:
    with pytest.raises(ValueError, match="'val_loss' is not recorded here, only 'loss'"):
        listener(event_of(History(validated=False), "epoch_start"))


@pytest.mark.parametrize(
    ("make", "arguments", "error", "match"),
    [
        (EarlyStopping, {"patience": 0}, ValueError, "`patience` must be 1 or greater; got 0"),
        (EarlyStopping, {"patience": 2.0}, TypeError, "`patience` must be an integer; got 2.0"),
        (EarlyStopping, {"patience": True}, TypeError, "`patience` must be an integer"),
        (EarlyStopping, {"min_delta": -0.1}, ValueError, "`min_delta` must be 0 or greater"),
        (EarlyStopping, {"min_delta": NAN}, ValueError, "`min_delta` must be finite"),
        (EarlyStopping, {"min_delta": "0.1"}, TypeError, "`min_delta` must be a number"),
        (EarlyStopping, {"monitor": "val_accuracy"}, ValueError, "`mode` must be 'min' or 'max' to monitor"),
        (EarlyStopping, {"monitor": 3}, TypeError, "`monitor` must be a string; got 3"),
        (EarlyStopping, {"monitor": ""}, ValueError, "`monitor` must not be empty"),
        (EarlyStopping, {"mode": "lower"}, ValueError, "`mode` must be one of 'min', 'max'; got 'lower'"),
        (EarlyStopping, {"mode": 1}, TypeError, "`mode` must be one of"),
        (TargetReached, {"times": 0}, ValueError, "`times` must be 1 or greater"),
        (TargetReached, {"times": 1.5}, TypeError, "`times` must be an integer"),
        (TargetReached, {"target": "high"}, TypeError, "`target` must be a number"),
        (TargetReached, {"target": NAN}, ValueError, "`target` must be finite"),
        (TargetReached, {"mode": "over"}, ValueError, "`mode` must be"),
        (TargetReached, {"monitor": None}, TypeError, "`monitor` must be a string; got None"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    make: Any, arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        make(**arguments)


@pytest.mark.parametrize("names", [["epoch_end"], ["val_start", "val_end"], list(_event.EVENTS)])
def test_fit_listener_passes_on_the_requested_events(names: list[str]) -> None:
    seen: list[Event] = []
    listener = FitListener(*names, callback=seen.append)
    events = [event_of(History(), name) for name in ("epoch_start", "val_start", "val_end", "epoch_end")]
    for event in events:
        listener(event)
    assert seen == [event for event in events if event.name in names]


@pytest.mark.parametrize(
    ("names", "callback", "error", "match"),
    [
        ((), print, ValueError, "`events` is empty; name some of 'epoch_start'"),
        (("epoch",), print, ValueError, "`events` must be one of 'epoch_start', .*; got 'epoch'"),
        (("epoch_end", "batch_end"), print, ValueError, "got 'batch_end'"),
        ((print,), print, TypeError, "`events` must be one of"),
        (("epoch_end",), None, TypeError, "`callback` must be callable; got None"),
        (("epoch_end",), "print", TypeError, "`callback` must be callable; got 'print'"),
    ],
)
def test_fit_listener_refuses(names: Any, callback: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        FitListener(*names, callback=callback)


def test_the_first_reason_to_stop_stays() -> None:
    history = History()
    stopping = Stopping(history)
    event_of(history, stopping=stopping).stop("first")
    event_of(history, stopping=stopping).stop("second")
    assert history.stop_reason == "first"


def test_they_stop_a_training(make_session: MakeSession, clusters: tuple[np.ndarray, np.ndarray]) -> None:
    data = Dataset(*clusters, batch_size=150)
    session = make_session(metrics=[accuracy])
    target = TargetReached(target=0.8, times=4)
    history = session.fit(data, epochs=500, val_data=data, listeners=[target])
    assert min(history.val_accuracy[-4:]) > 0.8
    assert history.stop_reason == "val_accuracy was above 0.8 4 times in a row"
    history = session.fit(data, epochs=2000, val_data=data, listeners=[EarlyStopping(patience=6, min_delta=0.01)])
    assert history.stop_reason == "val_loss has not improved by more than 0.01 in 6 validations"
    assert min(history.val_loss[-6:]) >= min(history.val_loss[:-6]) - 0.01
    assert min(history.val_loss[-7:-1]) < min(history.val_loss[:-7]) - 0.01  # not one entry earlier


class TestReduceOnPlateau:
    @staticmethod
    def rates(listener: ReduceOnPlateau, values: list[float], lr: float = 1.0) -> list[float]:
        """Return the learning rate after each entry of a training with these monitored values."""
        session = SimpleNamespace(optimizer=Fixed(lr))
        history, found = History(metrics=["accuracy"]), []
        for step, value in enumerate(values, 1):
            history.append(steps=step, cost_time=0.0, loss=value, val_loss=value, metrics={"accuracy": value})
            for name in ("val_end", "epoch_end", "epoch_start"):  # an entry counts once
                listener(event_of(history, name, step, session=session))
            found.append(session.optimizer.lr)
        return found

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([1.0, 1.0, 1.0], [1.0, 1.0, 0.5]),
            ([1.0, 0.5, 0.5, 0.5], [1.0, 1.0, 1.0, 0.5]),
            ([1.0] * 7, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]),
            ([1.0, 1.0, 1.0, 0.2, 0.2, 0.2], [1.0, 1.0, 0.5, 0.5, 0.5, 0.25]),
            ([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 0.5], [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25]),
            ([1.0, 0.7, 0.4, 0.1], [1.0] * 4),
            ([math.nan] * 3, [1.0, 1.0, 0.5]),
        ],
    )
    def test_waits_and_waits_again(self, values: list[float], expected: list[float]) -> None:
        assert self.rates(ReduceOnPlateau(factor=0.5, patience=2), values) == expected

    def test_more_is_better_of_a_metric(self) -> None:
        listener = ReduceOnPlateau("val_accuracy", factor=0.5, patience=2, mode="max")
        assert self.rates(listener, [0.1, 0.5, 0.9, 0.9, 0.9]) == [1.0, 1.0, 1.0, 1.0, 0.5]
        with pytest.raises(ValueError, match="`mode` must be 'min' or 'max' to monitor 'val_accuracy'; got None"):
            ReduceOnPlateau("val_accuracy")

    def test_the_smallest_rate(self) -> None:
        assert self.rates(ReduceOnPlateau(factor=0.5, patience=1, min_lr=0.3), [1.0] * 4) == [1.0, 0.5, 0.3, 0.3]
        assert self.rates(ReduceOnPlateau(factor=0.5, patience=1, min_lr=3.0), [1.0] * 3) == [1.0] * 3

    def test_a_rate_does_not_become_0(self) -> None:
        rates = self.rates(ReduceOnPlateau(factor=1e-200, patience=1), [1.0] * 4)
        assert rates == [1.0, 1e-200, 1e-200, 1e-200]

    def test_options_are_not_assigned(self) -> None:
        listener = ReduceOnPlateau()
        with pytest.raises(AttributeError, match="cannot assign to field 'factor'"):
            listener.factor = 2.0  # type: ignore[misc]

    def test_it_starts_over_with_an_empty_memory(self) -> None:
        listener = ReduceOnPlateau(factor=0.5, patience=2)
        assert self.rates(listener, [1.0] * 4)[-1] == 0.5
        listener.load_state_dict({})
        assert self.rates(listener, [1.0] * 3) == [1.0, 1.0, 0.5]

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"factor": 1.0}, "`factor` must lie strictly between 0 and 1; got 1.0"),
            ({"patience": 0}, "`patience` must be 1 or greater; got 0"),
            ({"min_lr": -1.0}, "`min_lr` must be 0 or greater; got -1.0"),
        ],
    )
    def test_wrong_arguments(self, options: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is compared
            ReduceOnPlateau(**options)
        assert str(caught.value) == sentence

    def test_a_schedule_is_not_a_rate_to_reduce(self, make_session: MakeSession) -> None:
        x = np.ones((4, 2), "float32")
        session = make_session(
            Dense(1, input_dim=2, activation="relu"), loss=losses.Mse(), optimizer=Fixed(Step(0.1, 10))
        )
        before = session.backend.to_numpy(session.model.parameters.flat.value).copy()
        with pytest.raises(TypeError, match=r"^ReduceOnPlateau needs an optimizer whose `lr` is a number; got Step\("):
            session.fit(Dataset(x, x[:, :1]), epochs=1, listeners=[ReduceOnPlateau()])
        after = session.backend.to_numpy(session.model.parameters.flat.value)
        np.testing.assert_array_equal(before, after)  # the error is raised before the first step

    def test_in_a_training(self, make_session: MakeSession) -> None:
        x = np.linspace(-1.0, 1.0, 8, dtype="float32").reshape(8, 1)
        session = make_session(Dense(1, input_dim=1, activation="linear"), loss=losses.Mse(), optimizer=Fixed(0.5))
        session.fit(Dataset(x, x), epochs=60, listeners=[ReduceOnPlateau("loss", patience=3)])
        assert session.optimizer.lr < 0.5
        assert session.history is not None
        assert session.history.loss[-1] < 1e-2


def test_a_fit_listener_checks_what_is_assigned() -> None:
    listener = FitListener("epoch_end", callback=print)
    with pytest.raises(ValueError, match="`events` must be one of 'epoch_start'"):
        listener.events = ("never",)
    with pytest.raises(TypeError, match="`callback` must be callable; got 3"):
        listener.callback = 3  # type: ignore[assignment]
    assert (listener.events, listener.callback) == (("epoch_end",), print)


def test_the_best_weights_are_those_that_were_validated(make_session: Callable[..., Session], clusters: Any) -> None:
    optimizer = AverageWeights(Fixed(0.5), 0.7)
    session, val = make_session(optimizer=optimizer), Dataset(clusters[0] + 0.5, clusters[1])
    swap = FitListener("val_start", "val_end", callback=lambda event: optimizer.swap())
    stop = EarlyStopping(patience=3, restore_best=True)
    history = session.fit(Dataset(*clusters), 60, val, listeners=[stop, swap])
    assert history.stopped_by == "listener"
    assert session.evaluate(val)["loss"] == pytest.approx(min(history.val_loss), rel=1e-5)


def test_the_memory_of_another_figure_is_not_taken_over() -> None:
    for make, other in (
        (lambda: EarlyStopping(patience=3), lambda: EarlyStopping("val_accuracy", patience=3, mode="max")),
        (lambda: ReduceOnPlateau(patience=3), lambda: ReduceOnPlateau("loss", patience=3)),
        (lambda: TargetReached(target=0.5), lambda: TargetReached(target=0.6)),
    ):
        listener, stranger = make(), other()
        new = listener.state_dict()
        d = stranger.state_dict() | {"best": 1.0, "last": [1.0], "in_a_row": 7, "waited": 2}
        listener.load_state_dict(d)
        assert listener.state_dict() == new
        stranger.load_state_dict(d)
        assert stranger.state_dict() != other().state_dict()
