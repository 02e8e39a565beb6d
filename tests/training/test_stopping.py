"""The object that ends a training, and the reasons in the history."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, History, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import Event, FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Fixed
from cutedl_xp.training.stopping import Stopping

MakeSession = Callable[..., Session]
X = np.linspace(-1.0, 1.0, 12, dtype="float32").reshape(12, 1)
TRAIN = Dataset(X, X, batch_size=4)


@pytest.fixture
def session(make_session: MakeSession) -> Session:
    """Return a session with one weight."""
    return make_session(Dense(1, input_dim=1, activation="linear"), loss=Mse(), optimizer=Fixed(0.1))


def test_the_first_reason_stays() -> None:
    history = History()
    stopping = Stopping(history)
    assert (stopping.requested, stopping.kind, history.stopped_by, history.stop_reason) == (False, None, None, None)
    stopping.stop("listener", "enough")
    stopping.stop("interrupt", "interrupted")
    assert (stopping.requested, stopping.kind) == (True, "listener")
    assert (history.stopped_by, history.stop_reason) == ("listener", "enough")


@pytest.mark.parametrize(("error", "kind"), [(ValueError, "error"), (KeyboardInterrupt, "interrupt")])
def test_a_failure_is_a_reason_and_is_raised(error: type[BaseException], kind: str) -> None:
    history = History()
    stopping = Stopping(history)
    with pytest.raises(error), stopping.on_failure():
        raise error
    assert (history.stopped_by, history.stop_reason) == (kind, f"{error.__name__} was raised")


def test_all_epochs(session: Session) -> None:
    assert session.fit(TRAIN, 2).stopped_by == "epochs"


@pytest.mark.parametrize("name", ["epoch_start", "epoch_end", "val_start", "val_end", "step_end"])
def test_a_listener_in_the_last_epoch(session: Session, name: str) -> None:
    stop = FitListener(name, callback=lambda event: event.epoch == event.last_epoch and event.stop("enough"))
    history = session.fit(TRAIN, 2, TRAIN, listeners=[stop])
    assert (history.stopped_by, history.stop_reason) == ("listener", "enough")


def test_a_loss_that_is_not_finite(make_session: MakeSession) -> None:
    session = make_session(Dense(1, input_dim=1, activation="linear"), loss=Mse(), optimizer=Fixed(1e30))
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="a smaller learning rate may help"):
        history = session.fit(TRAIN, 20)
    assert history.stopped_by == "not_finite"


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_an_exception(session: Session, error: type[BaseException]) -> None:
    def fail(event: Event) -> None:
        raise error

    with pytest.raises(error):
        session.fit(TRAIN, 2, listeners=[fail])
    assert session.history is not None
    assert session.history.stopped_by == ("interrupt" if error is KeyboardInterrupt else "error")


@pytest.mark.parametrize("name", ["stop_reason", "stopped_by"])
def test_a_history_cannot_end_or_continue_a_training(session: Session, name: str) -> None:
    refusals: list[str] = []

    def write(event: Event) -> None:
        for value in ("enough", None):
            try:
                setattr(event.history, name, value)
            except AttributeError as error:
                refusals.append(str(error))

    def overwrite(event: Event) -> None:
        vars(event.history).update(_stop_reason=None, _stopped_by=None)

    history = session.fit(TRAIN, 2, listeners=[write])
    assert (history.stopped_by, session.step, len(refusals)) == ("epochs", 6, 8)
    stop = FitListener("epoch_start", callback=lambda event: event.stop("enough"))
    session.fit(TRAIN, 2, listeners=[stop, overwrite])
    assert session.step == 6


def finishes_of(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the parameters of the optimizer's call at the end of a training."""
    calls: list[Any] = []
    monkeypatch.setattr(type(session.optimizer), "finish", lambda self, parameters: calls.append(parameters))
    return calls


def test_the_optimizer_finishes_after_all_epochs(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = finishes_of(session, monkeypatch)
    ends: list[int] = []
    session.fit(TRAIN, 2, TRAIN, listeners=[FitListener("epoch_end", callback=lambda event: ends.append(len(calls)))])
    assert calls == [session.model.parameters]
    assert ends == [0, 0]


@pytest.mark.parametrize("name", ["epoch_start", "val_end", "epoch_end"])
@pytest.mark.parametrize("error", [None, LookupError, KeyboardInterrupt])
def test_it_does_not_after_another_end(
    session: Session, monkeypatch: pytest.MonkeyPatch, name: str, error: type[BaseException] | None
) -> None:
    calls = finishes_of(session, monkeypatch)

    def end(event: Event) -> None:
        if error is not None:
            raise error
        event.stop("enough")

    try:
        session.fit(TRAIN, 1, TRAIN, listeners=[FitListener(name, callback=end)])
    except (LookupError, KeyboardInterrupt):
        assert error is not None
    assert calls == []
