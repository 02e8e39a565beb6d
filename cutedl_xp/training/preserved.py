"""Trainings on trial, after which a session is as it was before."""

from collections.abc import Iterator
from contextlib import contextmanager

from cutedl_xp.training.interrupts import without_interrupts
from cutedl_xp.training.persistence import Persistent


@contextmanager
def preserved(session: Persistent) -> Iterator[None]:
    """Within the block, let anything change the model and the optimizer; afterwards restore them, also after an error.

    The gradients of the parameters are not restored.

    Parameters
    ----------
    session
        Session that trains within the block.
    """
    state, record, rules = session.state_dict(), session._record, session.optimizer.rules
    rates = [rule.lr for rule in rules]
    try:
        yield
    finally:
        with without_interrupts():
            for rule, rate in zip(rules, rates, strict=True):
                rule.lr = rate  # also a schedule, which the state does not hold
            session.load_state_dict(state)
            session._record = record
