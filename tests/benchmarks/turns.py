"""Contenders take turns at a task, round by round, so that what slows the machine for a while hits all of them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

from benchmarks.contenders import CONTENDERS, missing_library
from benchmarks.measurement import Measurement
from benchmarks.processes import Process, WorkerFailedError
from benchmarks.tasks import FLOOR, OURS, Task

Say = Callable[[str], None]


class Field:
    """The contenders that are here, each with its process while the field is open.

    Parameters
    ----------
    names
        Of contenders.
    absent
        Gains the reason for each that could not be measured, at all or at a task.
    say
        Tells what goes on.

    Attributes
    ----------
    about
        For each contender its libraries and threads.
    """

    def __init__(self, names: Sequence[str], absent: dict[str, str], say: Say) -> None:
        self.about: dict[str, str] = {}
        self._absent = absent
        self._say = say
        self._processes: dict[str, Process] = {}
        for name in names:
            missing = missing_library(name)
            if missing:
                self._leave_out(name, f"{missing} is not installed")
            else:
                self._processes[name] = Process(CONTENDERS[name])

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.close()

    def measure(self, task: Task, rounds: int, seconds: float) -> list[Measurement]:
        """Everybody who takes part in a task, in turns."""
        self._say(f"{task.part}: {task.name}")
        steps: dict[str, int] = {}
        for name in self._entrants(task):
            self._attempt(name, task, partial(self._prepare, name, task, seconds, steps))
        taken: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(rounds):
            names = list(taken)
            first = number % max(1, len(names))  # each comes first in its turn: what runs before may leave traces
            for name in names[first:] + names[:first]:
                if not self._attempt(name, task, partial(self._measure, name, taken)):
                    del taken[name]
        return [Measurement(task, name, steps[name], tuple(times)) for name, times in taken.items()]

    def _entrants(self, task: Task) -> list[str]:
        if task.part.startswith("scaling"):
            ours = [name for name in OURS if name in self._processes]
            return [name for name in self._processes if name in (FLOOR, *ours[:1])]
        return [name for name in self._processes if CONTENDERS[name].updates or not task.rule]

    def _prepare(self, name: str, task: Task, seconds: float, steps: dict[str, int]) -> None:
        steps[name] = self._processes[name].ask(prepare=asdict(task), seconds=seconds)["steps"]
        self.about[name] = self._processes[name].ask(about=True)["about"]  # now, as some is loaded when first used

    def _measure(self, name: str, taken: dict[str, list[float]]) -> None:
        taken[name].append(self._processes[name].ask(measure=True)["seconds"])

    def _attempt(self, name: str, task: Task, action: Callable[[], None]) -> bool:
        """Whether it went well; else the reason is noted and the others go on."""
        try:
            action()
        except WorkerFailedError as error:
            self._leave_out(f"{name} at {task.name}", str(error))
            if self._processes[name].ended:
                self._processes.pop(name).close()
            return False
        return True

    def _leave_out(self, what: str, reason: str) -> None:
        self._absent[what] = reason
        self._say(f"  left out: {what}: {reason}")
