"""A program that kills trainings at random moments until each has come to its end, and prints a report as JSON.

``python -m durability.killer BACKEND KILLS SEED FOLDER``. Each attempt is a forked process, which starts within
milliseconds; JAX has threads and cannot be forked, so there each attempt is a new Python process.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cutedl_xp import Session
from durability import workloads

_MOST_ATTEMPTS = 60  # at one training, which makes progress in nearly each


class Process:
    """A process that trains; ``start`` returns its id, and the end of a pipe that it writes to when it begins."""

    def __init__(self, start: Callable[[], tuple[int, int]]) -> None:
        self.id, self._pipe = start()
        os.read(self._pipe, 1)
        os.close(self._pipe)

    def kill_after(self, seconds: float) -> None:
        """Send SIGKILL after a while, unless it has ended before."""
        time.sleep(seconds)
        os.kill(self.id, signal.SIGKILL)  # a process that has ended can be sent a signal until it is waited for

    def wait(self) -> int:
        """Return the exit status, negative for a signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self.id, 0)[1])


def fork(number: int, backend: str, folder: Path, checkpoints: bool) -> tuple[int, int]:
    """Train in a forked process."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    try:
        attempt(number, backend, folder, checkpoints, writing)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def spawn(number: int, backend: str, folder: Path, checkpoints: bool) -> tuple[int, int]:
    """Train in a new Python process."""
    reading, writing = os.pipe()
    arguments = [number, backend, folder, int(checkpoints), writing]
    command = [sys.executable, "-m", "durability.killer", "attempt", *map(str, arguments)]
    process = subprocess.Popen(command, pass_fds=[writing])
    os.close(writing)
    process.returncode = 0  # this program waits for it
    return process.pid, reading


def attempt(number: int, backend: str, folder: Path, checkpoints: bool, started: int) -> None:
    """Train as far as possible, and write what came out."""
    os.write(started, b"s")
    session = workloads.train(number, backend, path_in(folder, checkpoints))
    (folder / "result.json").write_text(json.dumps(workloads.describe(session)))


def path_in(folder: Path, checkpoints: bool) -> Path | None:
    """Return the path of the checkpoints of a training, if it writes any."""
    return folder / "run.ckpt" if checkpoints else None


class Killer:
    """Trainings in folders below one folder.

    Parameters
    ----------
    backend
        Name of their backend.
    folder
        Folder that each gets a folder in.
    """

    def __init__(self, backend: str, folder: Path) -> None:
        self._backend, self._folder = backend, folder
        self._start = spawn if backend == "jax" else fork
        self.report: dict[str, Any] = {"cases": 0, "kills": 0, "kills_while_writing": 0, "loads": 0, "failures": []}
        self._span = self._measure()

    def _measure(self) -> float:
        """Return the seconds that a training with checkpoints takes."""
        for _ in range(2):  # the first time includes compilation
            begun = time.perf_counter()
            self._finish(0, "measured", checkpoints=True)
        return time.perf_counter() - begun

    def run(self, number: int, random_numbers: random.Random) -> None:
        """Kill the training of a case until it has come to its end, and compare."""
        case = self._folder / str(number)
        case.mkdir()
        self.report["cases"] += 1
        undisturbed = self._finish(number, "undisturbed", checkpoints=False)
        for _ in range(_MOST_ATTEMPTS):
            process = Process(lambda: self._start(number, self._backend, case, True))
            process.kill_after(random_numbers.uniform(0.0, 0.6 * self._span))
            status = process.wait()
            if status != -signal.SIGKILL:
                break
            self.report["kills"] += 1
            self.report["kills_while_writing"] += any(case.glob(".*.tmp"))
            self._load_all(number, case)
        self._compare(number, case, status, undisturbed)
        shutil.rmtree(case)

    def _load_all(self, number: int, case: Path) -> None:
        for path in case.glob("*.ckpt"):
            self.report["loads"] += 1
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

    def _finish(self, number: int, name: str, *, checkpoints: bool) -> dict[str, str]:
        """Return what a training leads to that nothing disturbs; where processes are forked, it compiles for them."""
        folder = self._folder / name
        folder.mkdir()
        if self._start is fork:
            found = workloads.describe(workloads.train(number, self._backend, path_in(folder, checkpoints)))
        else:
            if Process(lambda: self._start(number, self._backend, folder, checkpoints)).wait() != 0:
                raise RuntimeError(f"the undisturbed training of case {workloads.name_of(number)} failed")
            found = json.loads((folder / "result.json").read_text())
        shutil.rmtree(folder)
        return found

    def _fail(self, number: int, what: str) -> None:
        self.report["failures"].append(f"case {workloads.name_of(number)}: {what}")


def main(backend: str, kills: int, seed: int, folder: Path) -> None:
    """Kill ``kills`` times or more, with the cases in a random order, and print the report."""
    killer, random_numbers = Killer(backend, folder), random.Random(seed)
    first = random_numbers.randrange(len(workloads.RULES) * len(workloads.WRAPPERS))
    least = 2 if backend == "jax" else len(workloads.RULES)
    while killer.report["kills"] < kills or killer.report["cases"] < least:
        killer.run(first + killer.report["cases"], random_numbers)
    sys.stdout.write(json.dumps(killer.report))


if __name__ == "__main__":
    if sys.argv[1] == "attempt":
        number, backend, folder, checkpoints, started = sys.argv[2:]
        attempt(int(number), backend, Path(folder), checkpoints == "1", int(started))
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
