"""Progress of the training of a session."""

from dataclasses import dataclass, field
from typing import Any

from cutedl_xp.datasets import Batches, Data

IDENTITY = ("size", "batch_size", "seed", "shuffle", "drop_remainder")
"""Attributes of a data set that determine the samples of each batch of an epoch."""

IDENTITY_OF_BATCHES = ("steps_per_epoch",)
"""Such attributes of batches that a function makes."""


@dataclass
class Position:
    """Counters of a session, over all calls of ``fit``.

    Attributes
    ----------
    epoch
        Number of finished epochs.
    batch
        Number of completed batches of the unfinished epoch.
    step
        Number of training steps.
    data
        Identity of the last training data, see :func:`identity`; empty before the first ``fit``.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    data: dict[str, Any] = field(default_factory=dict)

    def begin(self, data: Data) -> bool:
        """Return whether the identity of ``data`` is unchanged; otherwise store it and restart the epoch."""
        same = self.data == identity(data)
        if not same:
            self.data, self.batch = identity(data), 0
        return same

    def advance(self, epoch_steps: int, steps: int = 1) -> None:
        """Count ``steps`` of one epoch of ``epoch_steps`` steps."""
        self.step += steps
        self.batch += steps
        if self.batch == epoch_steps:
            self.epoch, self.batch = self.epoch + 1, 0


def identity(data: Data) -> dict[str, Any]:
    """Return the attributes of ``data`` by which it is compared with other data."""
    return {name: getattr(data, name) for name in (IDENTITY_OF_BATCHES if isinstance(data, Batches) else IDENTITY)}
