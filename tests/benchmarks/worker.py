"""The process of one contender: ``python -m benchmarks.worker NAME`` reads requests and writes answers, one per line.

A request is ``{"prepare": task, "seconds": s, "clock": name}``, ``{"measure": true}`` or ``{"about": true}``, in JSON.
"""

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any, TextIO

from benchmarks import libraries
from benchmarks.contenders import CONTENDERS
from benchmarks.work import CannotExpressError, Work

_MOST_CALLS = 2**20
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""Clocks: wall time, or processor time, which hardly depends on other processes."""


class Worker:
    """A contender with its current task."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._work = Work(lambda: None)
        self._calls = 1
        self._clock = CLOCKS["wall"]

    def prepare(self, task: dict[str, Any], seconds: float, clock: str = "wall") -> int:
        """Build the task, warm up, and find the number of calls for the duration; return the number of their steps."""
        self._clock = CLOCKS[clock]
        self._work = Work(lambda: None)  # frees the arrays of the last task before new ones are allocated
        if task["samples"]:
            self._work = self._module.fit(task["samples"], task["widths"][1:-1], task["batch_size"], task["epochs"])
        elif task["rule"]:
            self._work = self._module.update(task["rule"], task["parameters"])
        else:
            self._work = self._module.step(tuple(task["widths"]), task["batch_size"])
        self._calls = 1
        while self._calls < _MOST_CALLS and not self._lasts(seconds):
            self._calls *= 2
        return self._calls * self._work.steps

    def measure(self) -> float:
        """Return seconds per step."""
        if self._work.steps == 1:
            self._work.run()  # fills caches; the first step of an epoch has little weight
        return self._block() / (self._calls * self._work.steps)

    def _lasts(self, seconds: float) -> bool:
        """Return whether a measurement is long enough; a single step must be so twice, as the first may compile."""
        return self._block() >= seconds and (self._work.steps > 1 or self._block() >= seconds)

    def _block(self) -> float:
        run = self._work.run
        started = self._clock()
        for _ in range(self._calls):
            run()
        return self._clock() - started


def answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request, or the reason of its failure under ``"error"``."""
    try:
        if "prepare" in request:
            return {"steps": worker.prepare(request["prepare"], request["seconds"], request["clock"])}
        if "measure" in request:
            return {"seconds": worker.measure()}
        return {"about": libraries.loaded()}
    except CannotExpressError as error:
        return {"error": str(error)}
    except Exception as error:  # the other contenders continue
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Serve until the requests end."""
    answers = _private_output()
    module = importlib.import_module(f"benchmarks.contenders.{CONTENDERS[sys.argv[1]].module}")
    worker = Worker(module)
    for line in sys.stdin:
        print(json.dumps(answer(worker, json.loads(line))), file=answers, flush=True)


def _private_output() -> TextIO:
    """Return standard output for the answers, and redirect other output to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
