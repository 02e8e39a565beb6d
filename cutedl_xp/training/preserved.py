"""Trial trainings, after which a session is as it was before."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from cutedl_xp.training.interrupts import without_interrupts
from cutedl_xp.training.persistence import Persistent


@contextmanager
def preserved(session: Persistent) -> Iterator[None]:
    """Within the block, let anything change the model and the optimizer; afterwards restore them, also after an error.

    An optimizer that has made no step yet is replaced by a copy within the block, as the first step ties an optimizer
    to the parameters. The gradients of the parameters are not restored.

    Parameters
    ----------
    session
        Session that trains within the block.
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
                rule.lr = rate  # also a schedule, which the state does not hold
            session.load_state_dict(state)
            session._record, session.optimizer = record, own
