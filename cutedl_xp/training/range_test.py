"""Loop of a learning-rate range test."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

import numpy as np

from cutedl_xp.datasets import Batch, Data
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.training.arguments import DataLike
from cutedl_xp.training.preserved import preserved
from cutedl_xp.training.step import TrainingStep
from cutedl_xp.training.trainer import Trainer


def run_range_test(
    session: Trainer,
    train: DataLike,
    class_weight: Mapping[int, float] | None,
    rates: Sequence[float],
    stopped: Callable[[list[float]], bool],
) -> list[float]:
    """Train with one rate for each step, restore the session, and return the loss of each batch before its update.

    Parameters
    ----------
    session
        Session to train.
    train, class_weight
        Training data, and weights of classes. The test has as many epochs as the rates require.
    rates
        Learning rate of each step.
    stopped
        Function of the losses so far that returns whether to end the test. A loss that is not finite also ends it.

    Returns
    -------
    list of float
        Losses of the completed steps.
    """
    model = session.model
    losses: list[float] = []
    session._memory.check_idle()
    with session.backend.active(), session.backend.ignore_underflow(), _overflow_ignored():
        data, _ = session._prepare(train, None, class_weight)
        factors = rate_factors(session.optimizer)
        with preserved(session):
            optimizer = session.optimizer
            optimizer.attach(model.parameters)
            step = TrainingStep(model, session.loss, optimizer, session.regularizers)
            for rate, (x, y, weight, _) in zip(rates, _endless_batches(session, data), strict=False):
                for rule, factor in zip(optimizer.rules, factors, strict=True):
                    rule.lr = rate * factor
                loss: Any = step(x, y, weight)
                losses.append(float(loss))
                if not math.isfinite(losses[-1]) or stopped(losses):
                    break
    return losses


def _endless_batches(session: Trainer, data: Data) -> Iterator[Batch]:
    for epoch in count(session.epoch):
        yield from data.weighted_batches(epoch, session.backend, session.model.dtype)


def _overflow_ignored() -> AbstractContextManager[object]:
    """Return a context in which diverging losses, which large rates cause, raise no error and no warning."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def rate_factors(optimizer: Optimizer) -> list[float]:
    """Return the rate of each rule of ``optimizer`` as a fraction of the largest rate.

    Raises
    ------
    ValueError
        If the optimizer has no rate, or several groups and a schedule as one of their rates.
    """
    rates = [rule.lr for rule in optimizer.rules]
    if not rates:
        raise ValueError(f"a range test needs an optimizer with a learning rate; got {optimizer!r}")
    if len(rates) == 1:
        return [1.0]
    if any(map(callable, rates)):
        raise ValueError(
            "a range test keeps the ratios of the rates of groups, which must be numbers; replace the schedules by the "
            "rates that they begin with"
        )
    return [rate / max(rates) for rate in rates]
