"""Processes of contenders, seen from the one that lets them take turns."""

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
    """This process's, with the folder of tests and the checkout's package importable."""
    places = [str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(filter(None, places))}


def last_words(code: int, errors: IO[bytes]) -> str:
    """How a process ended, and the end of what it wrote to its file of errors."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return "\n".join([f"its process ended with {code}", *lines[-_LINES_TOLD:]])


class Process:
    """A contender's process. It is stopped whenever it is not asked, so that no pool of threads spins meanwhile."""

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
        if line:  # one that is about to end would never do so
            self._signal("SIGSTOP")
        answer: dict[str, Any] = json.loads(line) if line else {"error": self._last_words()}
        if "error" in answer:
            raise WorkerFailedError(answer["error"])
        return answer

    @property
    def ended(self) -> bool:
        """Whether it will never answer again."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process; a stopped one does not notice anything gentler."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._errors.close()

    def _exchange(self, request: str) -> str:
        """The answer, or an empty string where the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{request}\n")
            self._process.stdin.flush()
        except OSError:
            return ""
        return self._process.stdout.readline()

    def _signal(self, name: str) -> None:
        number = getattr(signal, name, None)  # Windows has none of them
        if number is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _last_words(self) -> str:
        return last_words(self._process.wait(), self._errors)
