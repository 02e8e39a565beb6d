"""Records of measurements."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.tasks import Task


class Rounds:
    """Values that were measured once per round."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """Value of the least disturbed round."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Measurement(Rounds):
    """Seconds per step of one contender at one task, with one entry per round."""

    task: Task
    contender: str
    steps: int
    seconds: tuple[float, ...]


def find(measurements: Sequence[Measurement], task: Task, contender: str) -> Measurement | None:
    """Return the measurement of a contender at a task, or None."""
    return next((each for each in measurements if each.task == task and each.contender == contender), None)
