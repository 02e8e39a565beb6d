"""Restoration of estimators after failed or interrupted calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cutedl_xp.training.session import Session


@contextmanager
def attributes_restored(estimator: Any) -> Iterator[None]:
    """Return a context that restores the attributes of an estimator after a failure or an interruption."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:  # also Ctrl-C
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def training_restored(session: Session) -> Iterator[None]:
    """Return a context that restores the state of a session after a failure or an interruption."""
    before = session.state_dict()
    try:
        yield
    except BaseException:
        session.load_state_dict(before)
        raise
