"""Processes of contenders, controlled by the main process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from benchmarks.contenders import Contender

_TESTS = Path(__file__).parents[1]
_PATIENCE = 900.0  # seconds for one answer
_LINES_TOLD = 15


class WorkerFailedError(Exception):
    """A contender gave no result; the message says why."""


def environment(more: dict[str, str]) -> dict[str, str]:
    """Return the environment with the folder of tests and the checkout's package importable."""
    places = [str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(filter(None, places))}


def last_words(code: int, errors: IO[bytes]) -> str:
    """Return how a process ended, and the last lines of its error file."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return "\n".join([f"its process ended with {code}", *lines[-_LINES_TOLD:]])


class Process:
    """A contender's process, which is stopped between requests, so that no thread pool spins."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", contender.name],
            env=environment(contender.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises
        ------
        WorkerFailedError
            If the process ended, took too long, or reported an error.
        """
        self._signal("SIGCONT")
        watchdog = threading.Timer(_PATIENCE, self._process.kill)
        watchdog.start()
        try:
            line = self._exchange(json.dumps(request))
        finally:
            watchdog.cancel()
        if line:  # a stopped process could not end
            self._signal("SIGSTOP")
        answer: dict[str, Any] = json.loads(line) if line else {"error": self._last_words()}
        if "error" in answer:
            raise WorkerFailedError(answer["error"])
        return answer

    @property
    def ended(self) -> bool:
        """Return whether the process has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Kill the process; a stopped process does not react to other signals."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._errors.close()

    def _exchange(self, request: str) -> str:
        """Return the answer, or an empty string if the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{request}\n")
            self._process.stdin.flush()
        except OSError:
            return ""
        return self._process.stdout.readline()

    def _signal(self, name: str) -> None:
        number = getattr(signal, name, None)  # not on Windows
        if number is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _last_words(self) -> str:
        return last_words(self._process.wait(), self._errors)
