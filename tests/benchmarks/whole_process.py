"""Whole programs in turns: seconds and peak of memory, including imports and loading of data."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import CONTENDERS, missing_library
from benchmarks.measurement import Rounds
from benchmarks.processes import WorkerFailedError, environment, last_words

_UNIT = 1 if sys.platform == "darwin" else 1024  # of the peak that the system reports


@dataclass(frozen=True)
class Program(Rounds):
    """Seconds, peak of memory in bytes (0: unknown) of a program, one entry per round; and its last line."""

    contender: str
    seconds: tuple[float, ...]
    peaks: tuple[int, ...]
    outcome: dict[str, Any]


def measure(names: Sequence[str], rounds: int, say: Callable[[str], None], absent: dict[str, str]) -> list[Program]:
    """Run the programs of the named contenders in turns.

    Parameters
    ----------
    names
        Names of contenders; contenders without a program are skipped.
    rounds
        Number of runs of each program.
    say
        Function that reports the progress.
    absent
        Receives the reason for each contender that fails.
    """
    entrants = [name for name in names if CONTENDERS[name].program]
    absent.update({name: f"{missing_library(name)} is not installed" for name in entrants if missing_library(name)})
    runs: dict[str, list[tuple[float, int, dict[str, Any]]]] = {name: [] for name in entrants if name not in absent}
    for number in range(rounds):
        for name in list(runs):
            say(f"the whole process of {name}, round {number + 1} of {rounds}")
            try:
                runs[name].append(_run(name))
            except WorkerFailedError as error:
                absent[name] = str(error)
                say(f"  left out: {name}: {error}")
                del runs[name]
    programs = []
    for name, results in runs.items():
        seconds, peaks, outcomes = zip(*results, strict=True)
        programs.append(Program(name, seconds, peaks, outcomes[-1]))
    return programs


def _run(name: str) -> tuple[float, int, dict[str, Any]]:
    """Return seconds, peak of memory, and the last line of the program's output."""
    contender = CONTENDERS[name]
    command = [sys.executable, "-m", f"benchmarks.programs.{contender.program}"]
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment(contender.environment), stdout=subprocess.PIPE, stderr=errors
        )
        with process:
            assert process.stdout is not None
            output = process.stdout.read()
            peak = _wait(process)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise WorkerFailedError(last_words(process.returncode, errors))
    return seconds, peak, json.loads(output.splitlines()[-1])


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the end; return the peak of memory of the process, if the system reports it for one child."""
    if not hasattr(os, "wait4"):
        process.wait()
        return 0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * _UNIT
