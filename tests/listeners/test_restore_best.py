"""The weights that `EarlyStopping(restore_best=True)` restores."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import EarlyStopping, FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Fixed

MakeSession = Callable[..., Session]
TRAIN = Dataset(np.ones((1, 1)), np.full((1, 1), 100.0))  # increases the output, by 1 per epoch at first
VAL = Dataset(np.ones((1, 1)), np.full((1, 1), 3.3))  # which is best near the third


@pytest.fixture
def session(make_session: MakeSession) -> Session:
    """Return a session whose validation loss first falls and then rises."""
    layer = Dense(1, input_dim=1, activation="linear", weight_initializer="zeros")
    return make_session(layer, loss=Mse(), optimizer=Fixed(0.0025))


def fit(session: Session, listener: Any, epochs: int = 30, **options: Any) -> Any:
    return session.fit(TRAIN, epochs, val_data=VAL, listeners=[listener], **options)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_the_best_weights_are_put_back_at_the_stop(session: Session, patience: int) -> None:
    history = fit(session, EarlyStopping(patience=patience, min_delta=0.0, restore_best=True))
    assert history.stopped_by == "listener"
    assert str(history.stop_reason).endswith(f" in {patience} validations; the best weights were restored")
    assert len(history) < 30
    assert session.evaluate(VAL)["loss"] == min(history.val_loss) < history.val_loss[-1]


def test_without_it_the_last_weights_stay(session: Session) -> None:
    history = fit(session, EarlyStopping(patience=5, min_delta=0.0))
    assert session.evaluate(VAL)["loss"] == history.val_loss[-1] > min(history.val_loss)


def test_the_best_entry_counts_also_where_it_is_not_better_by_min_delta(session: Session) -> None:
    history = fit(session, EarlyStopping(patience=3, min_delta=1e6, restore_best=True))
    assert len(history) == 4
    assert session.evaluate(VAL)["loss"] == min(history.val_loss)


@pytest.mark.parametrize("stopped", [True, False])
def test_a_training_that_ends_otherwise_keeps_its_last_weights(session: Session, stopped: bool) -> None:
    best = EarlyStopping(patience=20, min_delta=0.0, restore_best=True)
    stop = FitListener("val_end", callback=lambda event: stopped and event.epoch == 9 and event.stop("enough"))
    history = session.fit(TRAIN, 10, val_data=VAL, listeners=[best, stop])
    assert session.evaluate(VAL)["loss"] == history.val_loss[-1] > min(history.val_loss)


def test_the_best_of_several_fits_is_put_back(session: Session) -> None:
    listener, losses = EarlyStopping(patience=5, min_delta=0.0, restore_best=True), []
    for _ in range(30):
        history = fit(session, listener, 1)
        losses += history.val_loss
        if history.stopped_by == "listener":
            break
    assert session.evaluate(VAL)["loss"] == min(losses) < losses[-1]


def test_a_loss_that_is_never_finite_leaves_nothing_to_put_back(make_session: MakeSession) -> None:
    session = make_session(Dense(1, input_dim=1, activation="linear"), loss=Mse(), optimizer=Fixed(0.01))
    before = session.model.weights()
    best = EarlyStopping("val_nothing", 1, mode="min", restore_best=True)

    def nothing(y_true: Any, y_pred: Any) -> float:
        return float("nan")

    session = make_session(
        Dense(1, input_dim=1, activation="linear"), loss=Mse(), optimizer=Fixed(0.01), metrics=[nothing]
    )
    assert fit(session, best).stopped_by == "listener"
    assert any(not np.array_equal(value, before[name]) for name, value in session.model.weights().items())


def test_it_must_be_true_or_false() -> None:
    with pytest.raises(TypeError, match="`restore_best` must be True or False; got 1"):
        EarlyStopping(restore_best=1)  # type: ignore[arg-type]
