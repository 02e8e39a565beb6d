"""Program that ends trainings at random moments until each is complete, and prints a report as JSON.

``python -m durability.killer SIGNALS BACKEND ENDS SEED FOLDER`` with names of signals such as ``SIGINT,SIGTERM``,
which are sent once or twice; SIGKILL is sent once. Each attempt is a forked process, which starts within milliseconds.
Processes with JAX cannot be forked, because JAX has threads.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutedl_xp import Session
from durability import workloads

_MOST_ATTEMPTS = 80  # for one training, which progresses in nearly each attempt
_INTERRUPTED = 10  # exit status of a process after KeyboardInterrupt


@dataclass(frozen=True)
class Attempt:
    """A process that trains.

    Attributes
    ----------
    number, backend, folder
        Its case, backend and folder.
    end
        Name of the signal that ends it, ``SIGINT*2`` for two of them; empty for a training without checkpoints.
    """

    number: int
    backend: str
    folder: Path
    end: str = ""

    @property
    def path(self) -> Path | None:
        """Path of the checkpoints."""
        return self.folder / "run.ckpt" if self.end else None

    def start(self) -> tuple[int, int]:
        """Return the id of the process, and a pipe that it writes to when signals may be sent."""
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                status = self.run(writing)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(status)
        os.close(writing)
        return process, reading

    def run(self, writing: int) -> int:
        """Train as far as possible, write the result, and return the exit status."""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # programs in the background ignore it
        seen: list[Session] = []
        waits = self.end != "SIGKILL"  # until signals are handled

        def begun(session: Session) -> None:
            seen.append(session)
            if waits:
                os.write(writing, b"b")

        if not waits:
            os.write(writing, b"b")
        try:
            try:
                session = workloads.train(self.number, self.backend, self.path, begun)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            except KeyboardInterrupt:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                raise
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self._check_interrupted(seen[0])
            return _INTERRUPTED
        (self.folder / "result.json").write_text(json.dumps(workloads.describe(session)))
        return 0

    def _check_interrupted(self, session: Session) -> None:
        """Check that no update was interrupted, and that after one Ctrl-C the checkpoint equals the session."""
        if workloads.has_equal_counters(self.number):
            assert workloads.find_counters(session) <= {str(session.step)}, workloads.find_counters(session)
        if self.end == "SIGINT":
            assert self.path is not None
            saved, own = workloads.describe(Session.load(self.path, self.backend)), workloads.describe(session)
            for name in own.keys() - {
                "history/stopped_by",
                "history/stop_reason",
            }:  # the signal may arrive after the writing
                assert saved.get(name) == own[name], f"{name} is {saved.get(name)} in the checkpoint, not {own[name]}"


class Killer:
    """Trainings in folders below one folder.

    Parameters
    ----------
    signals
        Names of the signals.
    backend
        Name of their backend.
    folder
        Folder with a folder for each training.
    random_numbers
        Source of the random moments.
    """

    def __init__(self, signals: Sequence[str], backend: str, folder: Path, random_numbers: random.Random) -> None:
        self._backend, self._folder, self._random = backend, folder, random_numbers
        self._ends = [*signals, *(f"{name}*2" for name in signals if name != "SIGKILL")]
        self.cases = 0
        self.ended = dict.fromkeys(self._ends, 0)
        self.loads = self.while_writing = 0
        self.failures: list[str] = []
        self._span = self._measure()

    def _measure(self) -> float:
        """Return the seconds that a training with checkpoints takes."""
        for _ in range(2):  # the first time includes compilation
            begun = time.perf_counter()
            self._finish(0, "measured", self._ends[0])
        return time.perf_counter() - begun

    def run(self, number: int) -> None:
        """End the training of a case repeatedly until it is complete, and compare."""
        case = self._folder / str(number)
        case.mkdir()
        self.cases += 1
        undisturbed = self._finish(number, "undisturbed")
        for _ in range(_MOST_ATTEMPTS):
            end = self._random.choice(self._ends)
            status = self._disturb(Attempt(number, self._backend, case, end))
            self.while_writing += any(case.glob(".*.tmp"))
            if end != "SIGKILL" and any(case.glob(".*.tmp")):
                self._fail(number, f"{end} has left a temporary file")
            if status != _expected(end):
                break
            self.ended[end] += 1
            self._load_all(number, case)
        self._compare(number, case, status, undisturbed)
        shutil.rmtree(case)

    def _disturb(self, attempt: Attempt) -> int:
        """Start a process, send it a signal once or twice at random moments, and return its exit status."""
        process, pipe = attempt.start()
        os.read(pipe, 1)
        os.close(pipe)
        time.sleep(self._random.uniform(0.0, 0.6 * self._span))
        name, _, twice = attempt.end.partition("*")
        number = getattr(signal, name)
        os.kill(process, number)  # an ended process accepts signals until its parent waits for it
        if twice:
            time.sleep(self._random.choice([0.0, self._random.uniform(0.0, 0.005)]))
            os.kill(process, number)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    def _load_all(self, number: int, case: Path) -> None:
        for path in case.glob("*.ckpt"):
            self.loads += 1
            try:
                Session.load(path, self._backend)
            except Exception as error:
                self._fail(number, f"{path.name} cannot be loaded: {error!r}")

    def _compare(self, number: int, case: Path, status: int, undisturbed: dict[str, str]) -> None:
        if status != 0:
            self._fail(number, f"the training ended with status {status}")
            return
        resumed = json.loads((case / "result.json").read_text())
        names = sorted(resumed.keys() | undisturbed.keys())
        different = [name for name in names if resumed.get(name) != undisturbed.get(name)]
        if different:
            self._fail(number, f"{different} of {len(names)} values differ from those of the undisturbed training")
        left = [path.name for path in case.iterdir() if path.suffix == ".tmp"]
        if left:
            self._fail(number, f"{left} are left")

    def _finish(self, number: int, name: str, end: str = "") -> dict[str, str]:
        """Return the result of an undisturbed training, and compile functions for the forked processes."""
        attempt = Attempt(number, self._backend, self._folder / name, end)
        attempt.folder.mkdir()
        found = workloads.describe(workloads.train(number, self._backend, attempt.path))
        shutil.rmtree(attempt.folder)
        return found

    def _fail(self, number: int, what: str) -> None:
        self.failures.append(f"case {workloads.name_of(number)}: {what}")

    def report(self) -> dict[str, Any]:
        """Return the counts and failures as plain values."""
        counts = {"cases": self.cases, **self.ended, "left_while_writing": self.while_writing, "loads": self.loads}
        return {"counts": counts, "failures": self.failures}


def _expected(end: str) -> int:
    """Return the exit status of a process that a signal has ended."""
    name = end.partition("*")[0]
    return _INTERRUPTED if name == "SIGINT" else -getattr(signal, name)


def main(signals: str, backend: str, ends: str, seed: str, folder: str) -> None:
    """End trainings at least ``ends`` times, from a random case on, and print the report."""
    random_numbers = random.Random(int(seed))
    killer = Killer(signals.split(","), backend, Path(folder), random_numbers)
    first = random_numbers.randrange(len(workloads.RULES) * len(workloads.WRAPPERS))
    while sum(killer.ended.values()) < int(ends) or killer.cases < len(workloads.RULES):
        killer.run(first + killer.cases)
    sys.stdout.write(json.dumps(killer.report()))


if __name__ == "__main__":
    main(*sys.argv[1:])
