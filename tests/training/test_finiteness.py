"""Trainings whose parameters, optimizer or losses are not finite."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, History, Session
from cutedl_xp.layers import BatchNormalization, Dense
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import (
    Accumulate,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AverageWeights,
    ClipByGlobalNorm,
    Fixed,
    Groups,
    Momentum,
    NAdam,
    Optimizer,
    RMSProp,
    SkipNonFinite,
)

MakeSession = Callable[..., Session]
BATCH = 4


@pytest.fixture
def session_of(make_session: MakeSession) -> Callable[[Optimizer], Session]:
    """Return a function that makes a session with a linear layer for an optimizer."""

    def make(optimizer: Optimizer) -> Session:
        return make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse(), optimizer=optimizer)

    return make


def data_of(*numbers: float) -> Dataset:
    """Return a batch for each number, which is in its first sample; the other entries are 1."""
    samples = np.ones((BATCH * len(numbers), 2), "float32")
    samples[::BATCH, 1] = numbers
    return Dataset(samples, np.zeros((len(samples), 1), "float32"), batch_size=BATCH, shuffle=False)


def train(session: Session, data: Dataset, epochs: int = 1, **options: Any) -> tuple[History, str]:
    """Return the history of a training and its warnings."""
    with np.errstate(all="ignore"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = session.fit(data, epochs, **options)
    return history, " ".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("bad", range(1, 7))
def test_the_step_and_the_row_are_named(session_of: Callable[[Optimizer], Session], bad: int) -> None:
    numbers = [math.nan if step >= bad else 1.0 for step in range(1, 7)]
    history, warning = train(session_of(Adam()), data_of(*numbers), 2)
    assert (history.steps, history.stop_reason, history.stopped_by) == ([6], f"loss is nan at step {bad}", "not_finite")
    assert warning == (
        f"the training stopped because loss is nan at step {bad}; `train` has the value nan in row {BATCH * (bad - 1)} "
        "of its samples; remove or replace such rows; since then the parameter '/1-Dense/weight' and its slot 'v' of "
        "Adam are not finite"
    )


def test_a_row_that_was_not_used_yet_is_not_reported(session_of: Callable[[Optimizer], Session]) -> None:
    data = data_of(1.0, 1.0, 1.0, math.nan)
    history, warning = train(session_of(Fixed(1e25)), data, val_data=data_of(1.0), val_steps=3)
    assert str(history.stop_reason).endswith("at step 2")
    assert "; a smaller learning rate may help; since then the parameter '/1-Dense/weight' is not finite" in warning


@pytest.mark.parametrize("validated", [True, False])
def test_weights_are_checked_after_the_last_step(session_of: Callable[[Optimizer], Session], validated: bool) -> None:
    options = {"val_data": data_of(1.0)} if validated else {}
    history, warning = train(session_of(Fixed(1e300)), data_of(1.0), **options)
    reason = "the parameter '/1-Dense/weight' is not finite at step 1"
    assert (history.stopped_by, history.stop_reason) == ("not_finite", reason)
    assert warning == f"the training stopped because {reason}; a smaller learning rate may help"
    assert math.isfinite(history.loss[0])


@pytest.mark.parametrize("rule", [Adam, AdamW, NAdam, Adagrad, RMSProp, Adadelta])
@pytest.mark.parametrize("wrap", [lambda rule: rule, lambda rule: Groups({"*/weight": rule, "*": Fixed(1e-9)})])
def test_a_square_that_overflows_is_named(
    session_of: Callable[[Optimizer], Session],
    rule: Callable[[], Optimizer],
    wrap: Callable[[Optimizer], Optimizer],
) -> None:
    data = Dataset(np.full((8, 2), 1e12, "float32"), np.full((8, 1), -1e9, "float32"), batch_size=BATCH)
    history, warning = train(session_of(wrap(rule())), data, 3)
    reason = f"the slot 's' of {type(rule()).__name__} for '/1-Dense/weight' is not finite at step 2"
    assert (len(history), history.stopped_by, history.stop_reason) == (1, "not_finite", reason)
    assert "such as the square of a gradient above 1.8e+19; limit gradients with ClipByGlobalNorm" in warning
    history, warning = train(session_of(SkipNonFinite(wrap(rule()))), data)
    assert (history.stopped_by, history.skipped, warning) == ("epochs", [2], "")


@pytest.mark.parametrize(
    ("make", "slot", "owner"),
    [
        (lambda: AverageWeights(Fixed(0.01)), "average", "AverageWeights"),
        (lambda: Accumulate(Fixed(0.01), 9), "mean", "Accumulate"),
        (lambda: ClipByGlobalNorm(AverageWeights(Momentum(0.01)), 1.0), "average", "AverageWeights"),
        (lambda: ClipByGlobalNorm(Adam(0.01), 1.0), "s", "Adam"),
    ],
)
def test_slots_of_wrappers_are_checked(
    session_of: Callable[[Optimizer], Session], make: Callable[[], Optimizer], slot: str, owner: str
) -> None:
    session = session_of(make())
    train(session, data_of(1.0))
    state = session.optimizer.state
    bad = session.backend.asarray(np.array([math.inf], "float32"))
    session.optimizer.state = state | {slot: state[slot] | {"/1-Dense/bias": bad}}
    history, warning = train(session, data_of(1.0))
    reason = f"the slot {slot!r} of {owner} for '/1-Dense/bias' is not finite at step "
    assert history.stopped_by == "not_finite"
    assert str(history.stop_reason).startswith(reason)
    assert reason in warning


def test_a_large_state_whose_sum_alone_overflows_is_finite(session_of: Callable[[Optimizer], Session]) -> None:
    session = session_of(Adagrad())
    train(session, data_of(1.0))
    state = session.optimizer.state
    large = session.backend.asarray(np.full((2, 1), 3e38, "float32"))
    session.optimizer.state = state | {"s": state["s"] | {"/1-Dense/weight": large}}
    history, warning = train(session, data_of(1.0), 2)
    assert (history.stopped_by, warning) == ("epochs", "")


@pytest.mark.parametrize("compiled", [None, False])
@pytest.mark.parametrize(
    "wrap",
    [SkipNonFinite, lambda rule: ClipByGlobalNorm(SkipNonFinite(rule), 1.0)],
    ids=["SkipNonFinite", "within another wrapper"],
)
def test_skipped_updates_do_not_end_a_training(
    session_of: Callable[[Optimizer], Session], wrap: Callable[[Optimizer], Optimizer], compiled: bool | None
) -> None:
    session = session_of(wrap(Adam()))
    data, val_data = data_of(1.0, math.nan, 1.0, math.inf), data_of(1.0)
    history, warning = train(session, data, 3, val_data=val_data, compiled=compiled)
    assert (history.stopped_by, warning, history.steps) == ("epochs", "", [4, 8, 12])
    assert history.skipped == [2, 4, 6]
    assert not np.isfinite(history.loss).any()
    assert np.isfinite(history.val_loss).all()
    assert history.val_loss[2] < history.val_loss[0]
    assert train(session, data_of(1.0), val_data=val_data)[0].skipped == [6]


@pytest.mark.parametrize("compiled", [None, False])
def test_the_next_training_does_not_report_the_learning_rate(
    session_of: Callable[[Optimizer], Session], compiled: bool | None
) -> None:
    session = session_of(Adam())
    train(session, data_of(math.nan))
    words = r"^the parameter '/1-Dense/weight' was not finite before this training; assemble the model again"
    for data in (data_of(1.0), data_of(1.0, math.nan)):
        with pytest.raises(ValueError, match=words):
            session.fit(data, 1, compiled=compiled)
    assert session.step == 1


def test_a_buffer_that_is_not_finite_is_refused_before_a_training(make_session: MakeSession) -> None:
    session = make_session(BatchNormalization(input_dim=2), Dense(1, activation="linear"), loss=Mse())
    weights = session.model.weights()
    session.model.set_weights(weights | {"/1-BatchNormalization/running_mean": np.array([0.0, math.inf])})
    with pytest.raises(ValueError, match="the buffer '/1-BatchNormalization/running_mean' was not finite before"):
        session.fit(data_of(1.0), 1)


@pytest.mark.parametrize("part", ["session", "model"])
def test_saving_warns_of_parameters_that_are_not_finite(
    session_of: Callable[[Optimizer], Session], tmp_path: Path, part: str
) -> None:
    session = session_of(Fixed(0.1))
    saved: Any = session if part == "session" else session.model
    saved.save(tmp_path / "finite")  # warnings are errors
    session.model.set_weights(session.model.weights() | {"/1-Dense/bias": [math.nan]})
    with pytest.warns(RuntimeWarning, match="the weights '/1-Dense/bias' that are saved are not finite") as caught:
        saved.save(tmp_path / "not finite")
    assert [warning.filename for warning in caught] == [__file__]
    again = type(saved).load(tmp_path / "not finite", session.backend)
    assert math.isnan(getattr(again, "model", again).weights()["/1-Dense/bias"][0])


def test_no_skipped_updates_are_recorded_without_the_wrapper(session_of: Callable[[Optimizer], Session]) -> None:
    assert train(session_of(Adam()), data_of(1.0))[0].skipped == []


def test_a_training_that_skips_ends_for_other_numbers(session_of: Callable[[Optimizer], Session]) -> None:
    history, _ = train(session_of(SkipNonFinite(Fixed(1e300))), data_of(1.0), 2)
    assert history.stop_reason == "the parameter '/1-Dense/weight' is not finite at step 1"
    history, warning = train(session_of(SkipNonFinite(Fixed())), data_of(1.0), val_data=data_of(math.nan))
    assert history.stop_reason == "val_loss is nan at step 1"
    assert "`val_data` has the value nan in row 0" in warning


def test_a_mean_that_is_skipped_later_does_not_end_a_training(session_of: Callable[[Optimizer], Session]) -> None:
    session = session_of(Accumulate(SkipNonFinite(Fixed(0.01)), 2))
    data = data_of(1.0, 1.0, math.nan, 1.0)
    history, warning = train(session, data, 2, val_data=data_of(1.0), val_steps=1)
    assert (history.stopped_by, history.skipped, warning) == ("epochs", [0, 0, 0, 1, 1, 1, 1, 2], "")
