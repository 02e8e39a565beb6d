"""The training loop: epoch after epoch, batch after batch, until the end or a stop."""

from functools import partial

from cutedl_xp.datasets import Dataset
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.training.interrupts import deferred_interrupt
from cutedl_xp.training.log import TrainingLog
from cutedl_xp.training.plan import ValidationPlan
from cutedl_xp.training.position import Position
from cutedl_xp.training.step import TrainingStep
from cutedl_xp.training.stopping import Stopping


def run_epochs(
    train: Dataset,
    model: Model,
    optimizer: Optimizer,
    step: TrainingStep,
    position: Position,
    plan: ValidationPlan,
    log: TrainingLog,
    stopping: Stopping,
) -> None:
    """Train from a position to the last epoch of a plan, unless something stops the training.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once the current step is done.
    """
    with stopping.on_failure(), deferred_interrupt(partial(stopping.stop, "interrupt")) as interrupt:
        for epoch in range(position.epoch, plan.last_epoch + 1):
            log.begin_epoch()
            for x, y in train.batches(epoch, model.backend, model.dtype, position.batch):
                if stopping.requested:
                    break
                loss = step(x, y)
                position.advance(plan.epoch_steps)
                log.add_step(loss, int(x.shape[0]))
            log.end_epoch()
            if stopping.requested:
                break
        if not stopping.requested:
            optimizer.finish(model.parameters)
    stopping.stop("epochs", "all epochs done")
    if interrupt.requested:
        raise KeyboardInterrupt
