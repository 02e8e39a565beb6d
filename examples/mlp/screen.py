"""What the program says besides its bars."""

import os
import platform
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import article
import images
import numpy as np
import table
from runs import Failure, RunResult

from cutedl_xp import Backend

_WIDTH = 76
_TABLE_WIDTH = 100  # where the screen's is not known


def warn(*paragraphs: str) -> None:
    """Say something in a frame that is hard to overlook, red where the terminal has colours."""
    lines = [line for text in paragraphs if text for line in [*textwrap.wrap(text, _WIDTH), ""]][:-1]
    edge = "!" * (_WIDTH + 6)
    framed = "\n".join([edge, *(f"!! {line.ljust(_WIDTH)} !!" for line in ["WARNING", "", *lines]), edge])
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    _say(f"\033[1;31m{framed}\033[0m" if coloured else framed, sys.stderr)


def complain(sentence: str) -> None:
    """Say what went wrong while the program goes on."""
    _say(f"mnist_recognize.py: error: {sentence}", sys.stderr)


def tell(outcome: RunResult | Failure) -> None:
    """A failure always; the end of a run only where no bar shows it, as in a log."""
    if isinstance(outcome, Failure):
        _say(f"{outcome.plan} failed: {outcome.reason}", sys.stderr)
    elif not sys.stderr.isatty():
        _say(_end(outcome), sys.stderr)


def show(made: Sequence[RunResult], caption: str, folder: Path, files: Sequence[Path], rest: str = "") -> None:
    """Print the table, a sentence about dead outputs, the names of the files, and a sentence about the rest."""
    if sys.stderr.isatty():  # bars of several processes leave one behind now and then, below the last line
        _say("\033[J", sys.stderr, end="")
    if not made:
        written = rest or "nothing was written"
        _say(f"no run came as far as its first validation: {written}", sys.stderr)
        return
    width = shutil.get_terminal_size((_TABLE_WIDTH, 24)).columns
    parts = ["", table.as_text(made, caption, width), ""]
    dead = _dead(made)
    if dead:
        parts += [textwrap.fill(dead, width), ""]
    if files:
        others = [file.name for file in files if file.suffix != ".png"]
        parts.append(f"written to {folder}: {', '.join(others)}, pictures: {len(files) - len(others)}")
    _say("\n".join([*parts, *[rest] * bool(rest)]), sys.stdout)


def caption(source: images.Source, backend: Backend, jobs: int, seeds: range) -> str:
    """What stands above the table: which images, and what the seconds were measured on."""
    data = f"Images: {source.name}{f' - {source.warning.upper()}' * bool(source.warning)}."
    numbers = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    machine = (
        f"{_where(backend)}, {numbers}, runs at a time: {jobs}; {os.cpu_count()} processor cores, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.system()} {platform.machine()}"
    )
    return f"{data} Accuracies and validation losses are those of the test images. Backend: {machine}."


def _where(backend: Backend) -> str:
    """The backend and its device, whose name in its library may be a long expression."""
    number = getattr(backend.device, "id", None)
    device = f"device {number}" if number is not None else str(backend.device)
    return f"{backend.name} on {device}" if re.fullmatch(r"[\w: ]+", device) else backend.name


def _end(result: RunResult) -> str:
    history = result.history
    run = f"{result.optimizer}, seed {result.seed}"
    if not history.steps:
        return f"{run}: no validation yet; stopped: {history.stop_reason or 'interrupted'}"
    return (
        f"{run}: {history.steps[-1]:,} steps in {history.cost_time[-1]:.1f} s, validation loss "
        f"{history.val_loss[-1]:.4f}, accuracy {history.val_accuracy[-1]:.4f}; stopped: {history.stop_reason}"
    )


def _dead(made: Sequence[RunResult]) -> str:
    """One sentence about the runs with dead outputs, or none."""
    runs = [result for result in made if result.dead_outputs]
    if not runs:
        return ""
    counts = [f"{run.optimizer}, seed {run.seed}: {run.dead_outputs} of the {article.CLASSES} digits" for run in runs]
    one = len(runs) == 1 and runs[0].dead_outputs == 1
    whose = "the relu of its output gives 0 for all its" if one else "the relu of their outputs gives 0 for all their"
    return f"{'; '.join(counts)} can no longer be recognised, as {whose} images; another --seed may do better"


def _say(text: str, stream: TextIO, end: str = "\n") -> None:
    """Print, and go on if nobody listens any more, as with ``| head``: the results are in files."""
    try:
        print(text, file=stream, end=end, flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # else Python complains when it closes the stream
        os.close(nowhere)
