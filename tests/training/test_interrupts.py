"""Ctrl-C while a model is trained."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import Event, FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.training.interrupts import deferred_interrupt

MakeSession = Callable[..., Session]
WeightsOf = Callable[[Session], dict[str, np.ndarray]]
X = np.linspace(-1.0, 1.0, 24).reshape(12, 2)
TRAIN = Dataset(X, X[:, :1], batch_size=4)  # three steps an epoch


def press_ctrl_c(event: Event | None = None) -> None:
    signal.raise_signal(signal.SIGINT)


class Interrupted(Mse):
    """A loss during whose calls of given numbers, from 1, Ctrl-C is pressed, once or several times."""

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
    """Begin as a program started in a terminal does, and check that each fit leaves it so."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    left = signal.signal(signal.SIGINT, former)
    assert left is signal.default_int_handler


@pytest.fixture
def session_with(make_session: MakeSession) -> Callable[..., Session]:
    """A function that makes a session with a loss."""

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
    [("epoch_start", 0, []), ("val_start", 3, [3]), ("val_end", 3, [3]), ("epoch_end", 3, [3])],
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
    session = session_with(Interrupted({4: 1}))  # the first call tries the validation, the third is one
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


def test_the_second_ctrl_c_acts_at_once(session_with: Callable[..., Session]) -> None:
    session = session_with(Interrupted({5: 2}))
    with pytest.raises(KeyboardInterrupt):
        session.fit(TRAIN, epochs=2)
    assert session.step == 4  # the fifth was not finished
    assert session.history is not None
    assert session.history.steps == [3]


def test_an_interrupted_session_can_go_on(session_with: Callable[..., Session]) -> None:
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
def test_a_handler_of_the_callers_own_stays_in_charge(session_with: Callable[..., Session], ignored: bool) -> None:
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


def test_stop_is_called_once_with_the_word() -> None:
    words: list[str] = []
    with deferred_interrupt(words.append) as interrupt:
        assert not interrupt.requested
        press_ctrl_c()
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
    assert words == ["interrupted"]


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in programs that a script starts in the background
import numpy as np
import cutedl_xp as cdl
x = np.ones((8, 1), dtype="float32")
model = cdl.Model([cdl.layers.Dense(1, input_dim=1)]).assemble("numpy")
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
