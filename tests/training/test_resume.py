"""Trainings that are interrupted, saved, loaded and resumed."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session
from cutedl_xp.layers import Dense, Dropout
from cutedl_xp.listeners import Checkpoint, EarlyStopping, Event, FitListener, ReduceOnPlateau
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import (
    Accumulate,
    Adam,
    AverageWeights,
    ClipByNorm,
    Groups,
    Momentum,
    Optimizer,
    SkipNonFinite,
)
from cutedl_xp.regularizers import L2
from cutedl_xp.schedules import Cosine

_X = np.random.default_rng(0).normal(size=(50, 4))
TRAIN = Dataset(_X, 2.0 * _X[:, :1], batch_size=8, seed=5)  # seven steps per epoch
VALIDATION = Dataset(_X[:20], 2.0 * _X[:20, :1], batch_size=7)


class Killed(Exception):
    """Exception that ends a training at once, like the end of its process."""


class KilledAt:
    """A listener that ends a training after a step, after the calls of all other listeners."""

    called_last, events = True, ("step_end",)

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, event: Event) -> None:
        if event.name == "step_end" and event.step == self.step:
            raise Killed


def nested() -> Optimizer:
    rule = Accumulate(ClipByNorm(Adam(lr=Cosine(0.01, updates=100)), 1.0), every=3)
    return Groups({"*/weight": rule, "*": AverageWeights(SkipNonFinite(Momentum(0.01)))})


@pytest.fixture
def new_session(backend: Backend) -> Callable[..., Session]:
    """Return a function that makes equal sessions with Dropout, a regularizer and an optimizer."""

    def make(optimizer: Callable[[], Optimizer] = nested, on: Backend | str = backend) -> Session:
        layers = [Dense(8, input_dim=4, activation="tanh"), Dropout(0.7), Dense(1, activation="linear")]
        model = Model(layers).assemble(on, "float64", seed=3)
        return Session(model, loss=Mse(), optimizer=optimizer(), regularizers=[L2(1e-3)])

    return make


def kill(session: Session, path: Path, step: int, *listeners: Any, **options: Any) -> None:
    """Train until a simulated kill, with a checkpoint after each step."""
    with pytest.raises(Killed):
        session.fit(TRAIN, 6, listeners=[Checkpoint(path, every_steps=1), *listeners, KilledAt(step)], **options)


def without_time(session: Session) -> dict[str, Any]:
    assert session.history is not None
    return session.history.to_dict() | {"cost_time": []}


def assert_same(session: Session, other: Session) -> None:
    assert without_time(session) == without_time(other)
    weights = other.model.weights()
    for name, value in session.model.weights().items():
        np.testing.assert_array_equal(value, weights[name])
    np.testing.assert_equal(session.state_dict(), other.state_dict())


@pytest.mark.parametrize("val_steps", [0, 3])
def test_a_resumed_training_ends_as_the_undisturbed_one(
    new_session: Callable[..., Session], backend: Backend, tmp_path: Path, val_steps: int
) -> None:
    options = {"val_data": VALIDATION, "val_steps": val_steps}
    undisturbed = new_session()
    undisturbed.fit(TRAIN, 6, listeners=[EarlyStopping(patience=3)], **options)
    for step in (1, 3, 7, 13, 14, 40):
        path = tmp_path / f"{step}.ckpt"
        kill(new_session(), path, step, EarlyStopping(patience=3), **options)
        resumed = Session.load(path, backend)
        assert resumed.step in (step, step - 1)
        history = resumed.resume(TRAIN, VALIDATION, listeners=[EarlyStopping(patience=3)])
        assert history is resumed.history
        assert_same(resumed, undisturbed)


def test_a_stop_by_a_listener_is_the_same_after_a_resumption(
    new_session: Callable[..., Session], backend: Backend, tmp_path: Path
) -> None:
    def listeners() -> list[Any]:
        return [EarlyStopping(patience=3, min_delta=10.0), ReduceOnPlateau(patience=1, min_delta=10.0)]

    undisturbed = new_session(lambda: Momentum(0.1))
    undisturbed.fit(TRAIN, 6, val_data=VALIDATION, listeners=listeners())
    kill(new_session(lambda: Momentum(0.1)), tmp_path / "run", 18, *listeners(), val_data=VALIDATION)
    resumed = Session.load(tmp_path / "run", backend)
    resumed.resume(TRAIN, VALIDATION, listeners=listeners())
    assert resumed.history is not None
    assert resumed.history.stopped_by == "listener"
    assert_same(resumed, undisturbed)


def test_killed_between_a_stop_and_the_end_of_its_epoch_a_training_loses_nothing(
    new_session: Callable[..., Session], backend: Backend, tmp_path: Path
) -> None:
    def listeners() -> list[Any]:
        return [EarlyStopping(patience=2, min_delta=10.0, restore_best=True)]

    undisturbed, disturbed = (new_session(lambda: Momentum(1.0)) for _ in range(2))
    undisturbed.fit(TRAIN, 6, val_data=VALIDATION, val_steps=2, listeners=listeners())
    step = undisturbed.step  # the stop of the training, which is killed before the best weights are restored
    kill(disturbed, tmp_path / "run", step, *listeners(), val_data=VALIDATION, val_steps=2)
    resumed = Session.load(tmp_path / "run", backend)
    resumed.resume(TRAIN, VALIDATION, listeners=listeners())
    assert undisturbed.history is not None
    assert (undisturbed.step, resumed.step, undisturbed.history.stopped_by) == (step, step, "listener")
    assert undisturbed.history.val_loss[-1] > min(undisturbed.history.val_loss)
    assert_same(resumed, undisturbed)


def test_on_another_backend_it_agrees_to_rounding(
    new_session: Callable[..., Session], backend: Backend, tmp_path: Path
) -> None:
    undisturbed = new_session(on="numpy")
    undisturbed.fit(TRAIN, 6, val_data=VALIDATION)
    kill(new_session(on="numpy"), tmp_path / "run", 11, val_data=VALIDATION)
    resumed = Session.load(tmp_path / "run", backend)
    assert resumed.backend is backend
    resumed.resume(TRAIN, VALIDATION)
    np.testing.assert_allclose(resumed.history.val_loss, undisturbed.history.val_loss, rtol=1e-9)  # type: ignore[union-attr]


def test_with_nothing_left_the_history_comes_at_once(new_session: Callable[..., Session], tmp_path: Path) -> None:
    session = new_session()
    history = session.fit(TRAIN, 2)
    assert session.resume(TRAIN) is history
    session.save(tmp_path / "run")
    loaded = Session.load(tmp_path / "run", session.backend)
    assert loaded.resume(TRAIN).to_dict() == history.to_dict()
    assert loaded.step == session.step


def test_gradients_left_in_accumulate_are_applied_once(
    new_session: Callable[..., Session], backend: Backend, tmp_path: Path
) -> None:
    def accumulate() -> Optimizer:
        return Accumulate(Adam(0.01), every=4)

    undisturbed, disturbed = new_session(accumulate), new_session(accumulate)
    undisturbed.fit(TRAIN, 2)
    disturbed.fit(TRAIN, 2, listeners=[Checkpoint(tmp_path / "run")])  # written before the rest is applied
    resumed = Session.load(tmp_path / "run", backend)
    assert resumed.optimizer.state["count"] == 2
    resumed.resume(TRAIN)
    assert_same(resumed, undisturbed)


def test_a_loaded_session_takes_another_fit(
    new_session: Callable[..., Session], backend: Backend, tmp_path: Path
) -> None:
    first, second = new_session(), new_session()
    first.fit(TRAIN, 2)
    first.save(tmp_path / "run")
    first.fit(TRAIN, 2)
    loaded = Session.load(tmp_path / "run", backend)
    loaded.fit(TRAIN, 2)
    second.fit(TRAIN, 2)
    assert loaded.epoch == 4
    assert_same(loaded, first)


def test_without_a_fit_nothing_can_be_resumed(new_session: Callable[..., Session]) -> None:
    with pytest.raises(RuntimeError, match="no fit to resume"):
        new_session().resume(TRAIN)


@pytest.mark.parametrize(
    ("train", "validation", "listeners", "message"),
    [
        (Dataset(_X, 2.0 * _X[:, :1], batch_size=4, seed=5), VALIDATION, 1, "`train` .* batch_size 4, and 8 before"),
        (Dataset(_X, 2.0 * _X[:, :1], batch_size=8, seed=6), VALIDATION, 1, "`train` .* seed 6, and 5 before"),
        (Dataset(_X[:40], _X[:40, :1], batch_size=8, seed=5), VALIDATION, 1, "`train` .* samples"),
        (Dataset(_X, 3.0 * _X[:, :1], batch_size=8, seed=5), VALIDATION, 1, "`train` .* other values"),
        (TRAIN, None, 1, "`val_data` must be the Dataset"),
        (TRAIN, TRAIN, 1, "`val_data` must be the data set"),
        (TRAIN, VALIDATION, 0, r"`listeners` .* EarlyStopping\(.*; got none"),
        (TRAIN, VALIDATION, 2, r"`listeners` .*patience=3.*; got .*patience=4"),
    ],
)
def test_other_data_and_listeners_are_refused(
    new_session: Callable[..., Session], tmp_path: Path, train: Any, validation: Any, listeners: int, message: str
) -> None:
    session = new_session()
    kill(session, tmp_path / "run", 5, EarlyStopping(patience=3), val_data=VALIDATION)
    step, given = session.step, [[], [EarlyStopping(patience=3)], [EarlyStopping(patience=4)]][listeners]
    with pytest.raises(ValueError, match=message):
        session.resume(train, validation, listeners=given)
    assert session.step == step
    session.resume(TRAIN, VALIDATION, listeners=[EarlyStopping(patience=3)])


def test_listeners_without_memory_may_be_others(new_session: Callable[..., Session], tmp_path: Path) -> None:
    session, seen = new_session(), []
    kill(session, tmp_path / "run", 5)
    session.resume(TRAIN, listeners=[FitListener("epoch_end", callback=lambda event: seen.append(event.epoch))])
    assert seen == list(range(6))


def test_the_clock_continues(new_session: Callable[..., Session], tmp_path: Path) -> None:
    session = new_session()
    kill(session, tmp_path / "run", 15)
    loaded = Session.load(tmp_path / "run", session.backend)
    history = loaded.resume(TRAIN)
    assert len(history.cost_time) == 6
    assert history.cost_time == sorted(history.cost_time)


def interrupt(event: Event | None = None) -> None:
    signal.raise_signal(signal.SIGINT)


def raise_once(event_name: str, epoch: int, what: Callable[[], Any]) -> FitListener:
    """Return a listener that calls a function at the first event of a name in an epoch."""
    done: list[int] = []

    def act(event: Event) -> None:
        if event.epoch == epoch and not done:
            done.append(1)
            what()

    return FitListener(event_name, callback=act)


def fail() -> None:
    raise Killed


def stopping_early() -> EarlyStopping:
    return EarlyStopping("loss", patience=2, min_delta=10.0, restore_best=True)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("what", "error"), [(interrupt, KeyboardInterrupt), (fail, Killed)])
def test_a_stop_by_a_listener_stays_one_if_the_training_is_interrupted_with_it(
    new_session: Callable[..., Session], what: Callable[[], Any], error: type[BaseException], first: bool
) -> None:
    undisturbed, session = (new_session(lambda: Momentum(0.1)) for _ in range(2))
    undisturbed.fit(TRAIN, 6, listeners=[stopping_early()])
    last = undisturbed.epoch - 1
    disturb = raise_once("epoch_end", last, what)
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(error):
            session.fit(TRAIN, 6, listeners=[disturb, stopping_early()] if first else [stopping_early(), disturb])
    finally:
        signal.signal(signal.SIGINT, former)
    session.resume(TRAIN, listeners=[stopping_early()])
    assert_same_training(session, undisturbed)


def assert_same_training(session: Session, other: Session) -> None:
    """Compare everything except the memory of listeners."""
    assert without_time(session) == without_time(other)
    np.testing.assert_equal(session.model.weights(), other.model.weights())
    assert session.step == other.step


class Counter:
    """A user's listener whose memory has the steps of its events."""

    events = ("step_end",)

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def __call__(self, event: Event) -> None:
        self.calls.append((event.name, event.step))

    def state_dict(self) -> dict[str, Any]:
        return {"calls": [list(call) for call in self.calls]}

    def load_state_dict(self, d: dict[str, Any]) -> None:
        self.calls = [(name, step) for name, step in d.get("calls", [])]


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("name", ["epoch_start", "val_start", "val_end", "epoch_end"])
def test_events_of_a_finished_epoch_are_not_repeated(
    new_session: Callable[..., Session], name: str, epoch: int
) -> None:
    counter, session = Counter(), new_session()
    with pytest.raises(Killed):
        session.fit(TRAIN, 3, val_data=VALIDATION, listeners=[counter, raise_once(name, epoch, fail)])
    session.resume(TRAIN, VALIDATION, listeners=[counter])
    steps = [step for event_name, step in counter.calls if event_name == "step_end"]
    assert steps == list(range(1, 22))  # also after the step whose validation raised an error
    ends = [step for event_name, step in counter.calls if event_name == "epoch_end"]
    assert sorted(set(ends)) == [7, 14, 21]
    assert len(ends) == 3 + (name == "epoch_end")  # the event with the error is sent again


def test_the_best_checkpoint_continues_with_the_events_after_its_validation(
    new_session: Callable[..., Session], backend: Backend, tmp_path: Path
) -> None:
    session, counter = new_session(), Counter()
    session.fit(TRAIN, 3, val_data=VALIDATION, listeners=[counter, Checkpoint(tmp_path / "run", best="val_loss")])
    loaded, other = Session.load(tmp_path / "run-best", backend), Counter()
    loaded.resume(TRAIN, VALIDATION, listeners=[other])
    ends = ("step_end", "epoch_end", "val_end")
    assert [call for call in other.calls if call[0] in ends] == [call for call in counter.calls if call[0] in ends]
    assert without_time(loaded) == without_time(session)


def test_memory_of_a_dataclass_does_not_count_as_options(new_session: Callable[..., Session]) -> None:
    session = new_session()
    with pytest.raises(Killed):
        session.fit(TRAIN, 3, listeners=[Counting(), raise_once("epoch_end", 1, fail)])
    listener = Counting()
    session.resume(TRAIN, listeners=[listener])
    assert listener.epochs == 4  # the interrupted end of an epoch counts twice


@dataclass
class Counting:
    """A dataclass whose field is its memory."""

    epochs: int = 0

    def __call__(self, event: Event) -> None:
        self.epochs += event.name == "epoch_end"

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, d: dict[str, Any]) -> None:
        self.epochs = d.get("epochs", 0)


def test_a_refused_fit_leaves_an_interrupted_one(new_session: Callable[..., Session], tmp_path: Path) -> None:
    session, undisturbed = new_session(), new_session()
    kill(session, tmp_path / "run", 5)
    wrong = FitListener("step_end", callback=print)
    vars(wrong)["every_steps"] = 0  # as of a class without checks
    with pytest.raises(ValueError, match="`every_steps`"):
        session.fit(VALIDATION, 1, listeners=[wrong])
    session.resume(TRAIN)
    undisturbed.fit(TRAIN, 6)
    assert_same_training(session, undisturbed)


def test_a_schedule_that_raises_at_an_entry_loses_no_loss(new_session: Callable[..., Session]) -> None:
    class Fragile(Momentum):
        broken = False

        def learning_rates(self) -> dict[str, float]:
            if self.broken:
                raise Killed
            return super().learning_rates()

    undisturbed, session = (new_session(lambda: Fragile(0.1)) for _ in range(2))
    undisturbed.fit(TRAIN, 3)
    breaks = FitListener("step_end", callback=lambda event: setattr(Fragile, "broken", event.step == 13))
    with pytest.raises(Killed):
        session.fit(TRAIN, 3, listeners=[breaks])
    Fragile.broken = False
    session.resume(TRAIN)
    assert_same_training(session, undisturbed)


class Augmented(Dataset):
    """A user's data set."""


def test_another_class_of_data_is_refused(new_session: Callable[..., Session], tmp_path: Path) -> None:
    session = new_session()
    kill(session, tmp_path / "run", 5)
    with pytest.raises(ValueError, match="class 'Augmented', and 'Dataset' before"):
        session.resume(Augmented(_X, 2.0 * _X[:, :1], batch_size=8, seed=5))
