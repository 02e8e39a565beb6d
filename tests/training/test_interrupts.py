"""Ctrl-C during a training."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import Checkpoint, Event, FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.training import interrupts as interrupts_module
from cutedl_xp.training.interrupts import Interrupts, handled_interrupts, without_interrupts

MakeSession = Callable[..., Session]
WeightsOf = Callable[[Session], dict[str, np.ndarray]]
X = np.linspace(-1.0, 1.0, 24).reshape(12, 2)
TRAIN = Dataset(X, X[:, :1], batch_size=4)  # three steps per epoch


def press_ctrl_c(event: Event | None = None) -> None:
    signal.raise_signal(signal.SIGINT)


class Interrupted(Mse):
    """A loss that simulates Ctrl-C, once or several times, in calls of given numbers, from 1."""

    def __init__(self, presses: dict[int, int]) -> None:
        self.presses = presses
        self.calls = 0

    def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        self.calls += 1
        for _ in range(self.presses.get(self.calls, 0)):
            press_ctrl_c()
        return super().value_and_gradient(backend, y_true, y_pred)


@pytest.fixture(autouse=True)
def _pythons_own_handler() -> Iterator[None]:
    """Set the signal handlers of a program started in a terminal, and check that each fit restores them."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    left = signal.signal(signal.SIGINT, former)
    assert left is signal.default_int_handler


@pytest.fixture
def session_with(make_session: MakeSession) -> Callable[..., Session]:
    """Return a function that makes a session with a loss."""

    def make(loss: Mse) -> Session:
        return make_session(Dense(1, input_dim=2, activation="linear"), loss=loss)

    return make


@pytest.mark.parametrize(("step", "entries"), [(1, []), (3, []), (4, [3]), (5, [3]), (6, [3]), (7, [3, 6])])
def test_the_fit_ends_after_the_current_step(
    session_with: Callable[..., Session], weights_of: WeightsOf, step: int, entries: list[int]
) -> None:
    by_step: dict[int, dict[str, np.ndarray]] = {}
    undisturbed = session_with(Mse())
    note = FitListener("val_end", callback=lambda event: by_step.update({event.step: weights_of(event.session)}))
    undisturbed.fit(TRAIN, epochs=3, val_data=TRAIN, val_steps=1, listeners=[note])

    session = session_with(Interrupted({step: 1}))
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=3)
    assert session.step == step
    assert session.history is not None
    assert session.history.steps == entries
    assert session.history.stop_reason == "interrupted"
    for name, value in weights_of(session).items():
        np.testing.assert_array_equal(value, by_step[step][name])
    assert session.optimizer.state["t"] == step


@pytest.mark.parametrize(
    ("event_name", "steps", "entries"),
    [("epoch_start", 0, []), ("val_start", 3, []), ("val_end", 3, [3]), ("epoch_end", 3, [3])],
)
def test_between_steps_no_other_step_is_made(
    session_with: Callable[..., Session], event_name: str, steps: int, entries: list[int]
) -> None:
    session = session_with(Mse())
    listener = FitListener(event_name, callback=press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=3, val_data=TRAIN, listeners=[listener])
    assert session.history is not None
    assert (session.step, session.history.steps) == (steps, entries)
    assert session.history.stop_reason == "interrupted"


def test_after_a_step_no_validation_is_begun(session_with: Callable[..., Session]) -> None:
    session = session_with(Interrupted({4: 1}))  # the first call tests the validation data, the third is the validation
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2, val_data=Dataset(X, X[:, :1]), val_steps=1)
    assert session.history is not None
    assert (session.step, session.history.steps) == (2, [1])


def test_in_the_last_step_of_all_it_is_raised_too(session_with: Callable[..., Session]) -> None:
    session = session_with(Interrupted({6: 1}))
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2)
    assert session.history is not None
    assert (session.history.steps, session.history.stop_reason) == ([3], "interrupted")


def test_a_reason_given_before_stays(session_with: Callable[..., Session]) -> None:
    session = session_with(Mse())
    stop = FitListener("val_end", callback=lambda event: event.stop("enough"))
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2, val_data=TRAIN, listeners=[stop, FitListener("epoch_end", callback=press_ctrl_c)])
    assert session.history is not None
    assert session.history.stop_reason == "enough"


def test_a_second_ctrl_c_within_a_step_waits_for_its_end(session_with: Callable[..., Session]) -> None:
    session = session_with(Interrupted({5: 2}))
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2)
    assert (session.step, session.optimizer.state["t"]) == (5, 5)
    assert session.history is not None
    assert (session.history.steps, session.history.stopped_by) == ([3], "interrupt")


def test_a_second_ctrl_c_between_steps_acts_at_once(session_with: Callable[..., Session]) -> None:
    session, calls = session_with(Mse()), []

    def press_twice(event: Event) -> None:
        press_ctrl_c()
        calls.append("once")
        press_ctrl_c()
        calls.append("twice")

    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2, listeners=[FitListener("step_end", callback=press_twice)])
    assert (session.step, calls) == (1, ["once"])


def test_a_validation_ends_before_its_next_batch(make_session: MakeSession) -> None:
    validated: list[int] = []

    def count(y_true: Any, y_pred: Any) -> float:
        validated.append(int(y_true.shape[0]))
        if len(validated) == 3:  # the first batch is tested before the training
            press_ctrl_c()
        return 0.0

    names: list[str] = []
    session = make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse(), metrics=[count])
    note = FitListener("val_start", "val_end", "epoch_end", callback=lambda event: names.append(event.name))
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2, val_data=Dataset(X, X[:, :1], batch_size=2), listeners=[note])
    assert len(validated) == 3  # of six batches
    assert names == ["val_start", "val_end", "epoch_end"]
    assert session.history is not None
    assert (session.step, session.history.steps, session.history.stopped_by) == (3, [], "interrupt")


def test_a_resumed_training_makes_the_entry_that_was_interrupted(make_session: MakeSession) -> None:
    data = Dataset(X, X[:, :1], batch_size=2)

    def train(press: bool) -> Session:
        session = make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse())
        listeners = [FitListener("val_start", callback=lambda event: event.epoch == 1 and press and press_ctrl_c())]
        if press:
            with pytest.raises(KeyboardInterrupt):
                session.fit(TRAIN, epochs=3, val_data=data, listeners=listeners)
            assert session.history is not None
            assert session.history.steps == [3]
            session.resume(TRAIN, val_data=data)
        else:
            session.fit(TRAIN, epochs=3, val_data=data, listeners=listeners)
        return session

    disturbed, undisturbed = train(True).history, train(False).history
    assert disturbed is not None
    assert undisturbed is not None
    assert disturbed.to_dict() | {"cost_time": []} == undisturbed.to_dict() | {"cost_time": []}


def test_an_interrupted_session_can_continue(session_with: Callable[..., Session]) -> None:
    session = session_with(Interrupted({2: 1}))
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2)
    history = session.fit(TRAIN, epochs=2)
    assert history.stop_reason == "all epochs done"
    assert history.steps == [3, 6]  # the rest of the first epoch is the first epoch of this fit


def test_the_former_handler_is_back_after_an_error(session_with: Callable[..., Session]) -> None:
    handlers: list[Any] = []

    def fail(event: Event) -> None:
        handlers.append(signal.getsignal(signal.SIGINT))
        raise LookupError("of the listener's own")

    with pytest.raises(LookupError):
        session_with(Mse()).fit(TRAIN, epochs=2, listeners=[fail])
    assert handlers[0] is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("ignored", [False, True])
def test_a_callers_handler_stays_installed(session_with: Callable[..., Session], ignored: bool) -> None:
    presses: list[int] = []
    own = signal.SIG_IGN if ignored else lambda number, frame: presses.append(number)
    session = session_with(Interrupted({2: 1, 4: 1}))
    signal.signal(signal.SIGINT, own)
    try:
        history = session.fit(TRAIN, epochs=2)
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert presses == ([] if ignored else [signal.SIGINT] * 2)
    assert (history.steps, history.stop_reason) == ([3, 6], "all epochs done")


def test_in_another_thread_nothing_is_installed(session_with: Callable[..., Session]) -> None:
    session, handlers = session_with(Mse()), set()
    note = FitListener("epoch_start", callback=lambda event: handlers.add(signal.getsignal(signal.SIGINT)))
    thread = threading.Thread(target=session.fit, args=(TRAIN, 2), kwargs={"listeners": [note]})
    thread.start()
    thread.join(timeout=60)
    assert handlers == {signal.default_int_handler}
    assert session.step == 6


def test_a_fit_within_a_fit_leaves_ctrl_c_to_the_outer_one(session_with: Callable[..., Session]) -> None:
    outer, inner = session_with(Mse()), session_with(Interrupted({2: 1}))
    listener = FitListener("epoch_end", callback=lambda event: inner.fit(TRAIN, epochs=1))
    with pytest.raises(KeyboardInterrupt):
        outer.fit(TRAIN, epochs=5, listeners=[listener])
    assert outer.history is not None
    assert inner.history is not None
    assert (outer.step, inner.step) == (3, 3)
    assert (outer.history.stop_reason, inner.history.stop_reason) == ("interrupted", "all epochs done")


def test_stop_is_called_once_with_the_kind() -> None:
    words: list[str] = []
    with handled_interrupts(words.append) as interrupts:
        assert not interrupts.received
        press_ctrl_c()
        assert interrupts.received
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
    assert words == ["interrupted"]


def test_postponed_interrupts_are_raised_at_the_end_of_the_block() -> None:
    reached: list[str] = []

    def press_within(interrupts: Interrupts) -> None:
        with interrupts.postponed():
            for _ in range(3):
                press_ctrl_c()
            reached.append("end")

    with handled_interrupts(lambda why: None) as interrupts, pytest.raises(KeyboardInterrupt):
        press_within(interrupts)
    assert reached == ["end"]


def test_every_ctrl_c_of_a_block_without_interrupts_is_handled_after_it() -> None:
    presses: list[int] = []
    former = signal.signal(signal.SIGINT, lambda number, frame: presses.append(number))
    try:
        with without_interrupts():
            press_ctrl_c()
            press_ctrl_c()
            assert presses == []
    finally:
        signal.signal(signal.SIGINT, former)
    assert presses == [signal.SIGINT] * 2


def test_a_checkpoint_is_written_if_ctrl_c_comes_after_its_call(
    session_with: Callable[..., Session], tmp_path: Path
) -> None:
    late = FitListener("epoch_end", callback=lambda event: event.step == 6 and press_ctrl_c())
    late.called_last = True  # type: ignore[attr-defined]  # so that it is called after the checkpoint
    session = session_with(Mse())
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=5, listeners=[Checkpoint(tmp_path / "run.ckpt", 0), late])
    loaded = Session.load(tmp_path / "run.ckpt", "numpy")
    assert loaded.step == session.step == 6
    assert loaded.history is not None
    assert loaded.history.stopped_by == "interrupt"
    assert loaded.resume(TRAIN).steps == [3, 6, 9, 12, 15]
    assert session.resume(TRAIN).steps == [3, 6, 9, 12, 15]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_sigterm_ends_a_training_in_order_and_then_the_process(tmp_path: Path) -> None:
    program = PROGRAM.replace("listeners=[began]", "listeners=[began, cdl.listeners.Checkpoint('run.ckpt', 0)]")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "began\n"
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (out, process.returncode) == ("", -signal.SIGTERM)
    history = Session.load(tmp_path / "run.ckpt", "numpy").history
    assert history is not None
    assert (history.stopped_by, history.stop_reason) == ("interrupt", "terminated by SIGTERM")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_a_callers_handler_of_sigterm_stays_installed(session_with: Callable[..., Session]) -> None:
    received: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        terminate = FitListener("epoch_end", callback=lambda event: signal.raise_signal(signal.SIGTERM))
        history = session_with(Mse()).fit(TRAIN, epochs=2, listeners=[terminate])
    finally:
        signal.signal(signal.SIGTERM, former)
    assert (received, history.stopped_by) == ([signal.SIGTERM] * 2, "epochs")


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in programs that a script starts in the background
import numpy as np
import cutedl_xp as cdl
x = np.ones((8, 1), dtype="float32")
model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="relu")]).assemble("numpy")
session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed())
began = cdl.listeners.FitListener("epoch_end", callback=lambda e: e.epoch or print("began", flush=True))
try:
    session.fit(cdl.Dataset(x, x), epochs=10**9, listeners=[began])
except KeyboardInterrupt:
    steps = session.history.steps
    print(session.history.stop_reason, steps == list(range(1, len(steps) + 1)), session.step - len(steps) in (0, 1))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone there")
def test_a_program_ends_in_order() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "began\n"
            program.send_signal(signal.SIGINT)
            out, _ = program.communicate(timeout=60)
        finally:
            program.kill()
    assert out == "interrupted True True\n"
    assert program.returncode == 0


def test_the_default_handlers_come_back_whenever_another_ctrl_c_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    restore = interrupts_module._restore
    presses = iter([True, False])

    def press_before(*arguments: Any) -> None:
        if next(presses):
            press_ctrl_c()
        restore(*arguments)

    monkeypatch.setattr(interrupts_module, "_restore", press_before)
    with handled_interrupts(lambda why: None):
        press_ctrl_c()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
