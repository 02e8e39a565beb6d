"""Training loop over the epochs and events of a training."""

from functools import partial
from typing import Protocol

from cutedl_xp.training.fit import Fit
from cutedl_xp.training.interrupts import handled_interrupts
from cutedl_xp.training.log import TrainingLog


class Steps(Protocol):
    """Training steps of a session."""

    def begin_epoch(self) -> None:
        """Prepare the remaining batches of the current epoch."""

    def run(self, limit: int) -> None:
        """Run up to ``limit`` steps within the epoch, fewer if a stop is requested, and advance the position."""


def run_epochs(fit: Fit, steps: Steps, log: TrainingLog) -> None:
    """Train up to the last epoch of the plan, or up to a stop.

    Parameters
    ----------
    fit
        Training.
    steps
        Steps of the training.
    log
        Its entries and events.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once the current steps are done.
    """
    position, stopping = fit.position, fit.stopping
    with stopping.on_failure(), handled_interrupts(partial(stopping.stop, "interrupt")) as interrupts:
        for epoch in range(log.first_epoch, fit.plan.last_epoch + 1):
            log.begin_epoch(epoch)
            if not stopping.requested:
                log.finish_last_step()
            if not stopping.requested and position.epoch == epoch:
                steps.begin_epoch()
            while position.epoch == epoch and not stopping.requested:
                with interrupts.postponed():
                    steps.run(log.steps_to_event)
                log.after_steps()
            if log.end_epoch():
                break
        if not stopping.requested:
            with interrupts.postponed():
                fit.optimizer.finish(fit.model.parameters)
        stopping.stop("epochs", "all epochs done")
    if interrupts.received:
        raise KeyboardInterrupt
