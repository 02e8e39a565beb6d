"""What was measured: plain records."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.tasks import Task


class Rounds:
    """What was measured once a round."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The least disturbed round."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """What to expect."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Measurement(Rounds):
    """One contender at one task: seconds a step, one entry a round."""

    task: Task
    contender: str
    steps: int
    seconds: tuple[float, ...]


def find(measurements: Sequence[Measurement], task: Task, contender: str) -> Measurement | None:
    """The measurement of a contender at a task, if there is one."""
    return next((each for each in measurements if each.task == task and each.contender == contender), None)
