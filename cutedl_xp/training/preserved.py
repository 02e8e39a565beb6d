"""Trial trainings that leave a session unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from cutedl_xp.training.interrupts import without_interrupts
from cutedl_xp.training.persistence import Persistent


@contextmanager
def preserved(session: Persistent) -> Iterator[None]:
    """Return a context whose end restores the model and the optimizer of a session, also after an error.

    Within the context, a copy replaces an optimizer that has made no step yet, as the first step attaches an optimizer
    to the parameters. The gradients of the parameters are not restored.

    Parameters
    ----------
    session
        Session that trains within the context.
    """
    own = session.optimizer
    state, record, rates = session.state_dict(), session._record, [rule.lr for rule in own.rules]
    if not own.attached:
        session.optimizer = deepcopy(own)
    try:
        yield
    finally:
        with without_interrupts():
            for rule, rate in zip(session.optimizer.rules, rates, strict=True):
                rule.lr = rate  # explicitly, as the state holds no schedules
            session.load_state_dict(state)
            session._record, session.optimizer = record, own
