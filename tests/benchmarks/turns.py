"""Contenders take turns at a task, round by round, so that temporary slowdowns affect all of them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

from benchmarks.contenders import CONTENDERS, missing_library
from benchmarks.measurement import Measurement
from benchmarks.processes import Process, WorkerFailedError
from benchmarks.tasks import FLOOR, OURS, Task

Say = Callable[[str], None]


class Field:
    """The available contenders, each with a process from its first task until the field is closed.

    Parameters
    ----------
    names
        Names of contenders.
    absent
        Receives the reason for each contender that could not be measured, for all tasks or for one.
    say
        Function that reports the progress.
    clock
        ``"wall"`` or ``"cpu"``.

    Attributes
    ----------
    about
        Libraries and threads of each contender.
    """

    def __init__(self, names: Sequence[str], absent: dict[str, str], say: Say, clock: str = "wall") -> None:
        self.about: dict[str, str] = {}
        self._absent = absent
        self._say = say
        self._clock = clock
        self._processes: dict[str, Process] = {}
        for name in names:
            if missing_library(name):
                self._leave_out(name, f"{missing_library(name)} is not installed")
        self._names = [name for name in names if name not in absent]

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.close()

    def measure(self, task: Task, rounds: int, seconds: float) -> list[Measurement]:
        """Return the measurements of all contenders at a task."""
        self._say(f"{task.part}: {task.name}")
        steps: dict[str, int] = {}
        for name in self._entrants(task):
            self._attempt(name, task, partial(self._prepare, name, task, seconds, steps))
        taken: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(rounds):
            names = list(taken)
            first = number % max(
                1, len(names)
            )  # a different contender is first in each round, because earlier work can affect later work
            for name in names[first:] + names[:first]:
                if not self._attempt(name, task, partial(self._measure, name, taken)):
                    del taken[name]
        return [Measurement(task, name, steps[name], tuple(times)) for name, times in taken.items()]

    def _entrants(self, task: Task) -> list[str]:
        if task.samples:
            return [name for name in self._names if CONTENDERS[name].estimator]
        if task.part.startswith("scaling"):
            ours = [name for name in OURS if name in self._names]
            return [name for name in self._names if name in (FLOOR, *ours[:1])]
        return [name for name in self._names if CONTENDERS[name].updates or not task.rule]

    def _prepare(self, name: str, task: Task, seconds: float, steps: dict[str, int]) -> None:
        if name not in self._processes:
            self._processes[name] = Process(CONTENDERS[name])
        process = self._processes[name]
        prepared = process.ask(prepare=asdict(task), seconds=seconds, clock=self._clock)["steps"]
        self.about[name] = process.ask(about=True)["about"]  # now, because some libraries are loaded at their first use
        steps[name] = prepared

    def _measure(self, name: str, taken: dict[str, list[float]]) -> None:
        taken[name].append(self._processes[name].ask(measure=True)["seconds"])

    def _attempt(self, name: str, task: Task, action: Callable[[], None]) -> bool:
        """Return whether a call succeeded; otherwise record the reason, so that the others continue."""
        try:
            action()
        except WorkerFailedError as error:
            self._leave_out(f"{name} at {task.name}", str(error))
            if self._processes[name].ended:
                self._processes.pop(name).close()
                self._names.remove(name)
            return False
        return True

    def _leave_out(self, what: str, reason: str) -> None:
        self._absent[what] = reason
        self._say(f"  left out: {what}: {reason}")
