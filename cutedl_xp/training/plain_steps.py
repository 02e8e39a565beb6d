"""Training steps in a plain loop over the batches."""

from collections.abc import Iterator
from itertools import islice

from cutedl_xp.datasets import Batch
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.step import TrainingStep


class PlainSteps:
    """Training steps that run one operation after the other.

    Parameters
    ----------
    fit
        Training that the steps belong to.
    step
        Training step of the model.
    """

    def __init__(self, fit: Fit, step: TrainingStep) -> None:
        self._fit, self._step = fit, step
        self._batches: Iterator[Batch] = iter(())

    def begin_epoch(self) -> None:
        """Prepare the remaining batches of the current epoch."""
        position, model = self._fit.position, self._fit.model
        self._batches = self._fit.train.weighted_batches(position.epoch, model.backend, model.dtype, position.batch)

    def run(self, limit: int) -> None:
        """Run ``limit`` steps within the epoch, fewer if a stop is requested."""
        step, position, losses, stopping = self._step, self._fit.position, self._fit.losses, self._fit.stopping
        epoch_steps = len(self._fit.train)
        for x, y, weight, size in islice(self._batches, limit):
            loss = step(x, y, weight)
            position.advance(epoch_steps)
            losses.add_mean(loss, size)
            if stopping.requested:
                break
