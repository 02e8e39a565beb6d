"""Estimators that a failed or interrupted call leaves as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cutedl_xp.training.session import Session


@contextmanager
def attributes_restored(estimator: Any) -> Iterator[None]:
    """Give an estimator its present attributes again if the block fails or is interrupted."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:  # also Ctrl-C
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def training_restored(session: Session) -> Iterator[None]:
    """Give a session its present weights, optimizer and position again if the block fails or is interrupted."""
    before = session.state_dict()
    try:
        yield
    except BaseException:
        session.load_state_dict(before)
        raise
