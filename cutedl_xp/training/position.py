"""How far a session has trained."""

from dataclasses import dataclass, field
from typing import Any

from cutedl_xp.datasets import Batches, Data

IDENTITY = ("size", "batch_size", "seed", "shuffle", "drop_remainder")
"""Values of a data set that decide which samples each batch of an epoch holds."""

IDENTITY_OF_BATCHES = ("steps_per_epoch",)
"""The same of batches that a function makes."""


@dataclass
class Position:
    """Counters of a session, which go on from one call of ``fit`` to the next.

    Attributes
    ----------
    epoch
        Finished epochs.
    batch
        Batches done of the epoch that is not finished.
    step
        Training steps.
    data
        Identity of the training data last used, empty before the first ``fit``; see :func:`identity`.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    data: dict[str, Any] = field(default_factory=dict)

    def begin(self, data: Data) -> bool:
        """Take the training data; other data than before start the epoch anew, and the answer is False."""
        same = self.data == identity(data)
        if not same:
            self.data, self.batch = identity(data), 0
        return same

    def advance(self, epoch_steps: int, steps: int = 1) -> None:
        """Count steps of one epoch."""
        self.step += steps
        self.batch += steps
        if self.batch == epoch_steps:
            self.epoch, self.batch = self.epoch + 1, 0


def identity(data: Data) -> dict[str, Any]:
    """Return the values by which two data sets are compared."""
    return {name: getattr(data, name) for name in (IDENTITY_OF_BATCHES if isinstance(data, Batches) else IDENTITY)}
