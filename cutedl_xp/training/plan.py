"""Steps at which a training validates and records an entry of its history."""

from dataclasses import dataclass

from cutedl_xp.datasets import Data


@dataclass(frozen=True)
class ValidationPlan:
    """Plan of a call of ``Session.fit``: its last epoch, and the steps of its validations.

    Attributes
    ----------
    last_epoch
        Number of the last epoch.
    epoch_steps
        Number of steps of an epoch.
    val_data, val_epochs, val_steps, val_batches, train_metrics
        As for ``Session.fit``.
    """

    last_epoch: int
    epoch_steps: int
    val_data: Data | None
    val_epochs: int
    val_steps: int
    val_batches: int
    train_metrics: bool = False

    def entry_is_due(self, step: int, epoch: int, end_of_epoch: bool) -> bool:
        """Return whether an entry is recorded after a step.

        Parameters
        ----------
        step
            Number of steps of the session so far.
        epoch
            Number of the epoch.
        end_of_epoch
            Whether the step is the last one of the epoch.
        """
        if self.val_data is not None and self.val_steps > 0 and step % self.val_steps == 0:
            return True
        if not end_of_epoch:
            return False
        every_epoch = self.val_data is None or (self.val_steps == 0 and (epoch + 1) % self.val_epochs == 0)
        return every_epoch or epoch == self.last_epoch

    def steps_to_entry(self, step: int, batch: int) -> int:
        """Return the number of steps to the next entry or the end of the epoch, whichever is first.

        Parameters
        ----------
        step
            Number of steps of the session so far.
        batch
            Number of completed steps of the epoch.
        """
        left = self.epoch_steps - batch
        if self.val_data is None or self.val_steps == 0:
            return left
        return min(left, self.val_steps - step % self.val_steps)
