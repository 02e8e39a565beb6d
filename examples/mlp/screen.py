"""What the program says besides its bars and its table."""

import os
import platform
import sys
import textwrap

import images
import numpy as np
from runs import Failure, RunResult

from cutedl_xp import Backend

_WIDTH = 76


def warn(*paragraphs: str) -> None:
    """Say something in a frame that is hard to overlook, red where the terminal has colours."""
    lines = [line for text in paragraphs if text for line in [*textwrap.wrap(text, _WIDTH), ""]][:-1]
    edge = "!" * (_WIDTH + 6)
    framed = "\n".join([edge, *(f"!! {line.ljust(_WIDTH)} !!" for line in ["WARNING", "", *lines]), edge])
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print(f"\033[1;31m{framed}\033[0m" if coloured else framed, file=sys.stderr, flush=True)


def tell(outcome: RunResult | Failure) -> None:
    """A failure always; the end of a run only where no bar shows it, as in a log."""
    if isinstance(outcome, Failure):
        print(f"{outcome.plan} failed: {outcome.reason}", file=sys.stderr, flush=True)
    elif not sys.stderr.isatty():
        print(_end(outcome), file=sys.stderr, flush=True)


def clear_below() -> None:
    """Bars of several processes leave one behind now and then, below the last line."""
    if sys.stderr.isatty():
        print("\033[J", end="", file=sys.stderr, flush=True)


def _end(result: RunResult) -> str:
    history = result.history
    run = f"{result.optimizer}, seed {result.seed}"
    if not history.steps:
        return f"{run}: no validation yet; stopped: {history.stop_reason}"
    return (
        f"{run}: {history.steps[-1]:,} steps in {history.cost_time[-1]:.1f} s, validation loss "
        f"{history.val_loss[-1]:.4f}, accuracy {history.val_accuracy[-1]:.4f}; stopped: {history.stop_reason}"
    )


def caption(source: images.Source, backend: Backend, jobs: int) -> str:
    """What stands above the table: which images, and what the seconds were measured on."""
    data = f"Images: {source.name}{f' - {source.warning.upper()}' * bool(source.warning)}."
    machine = (
        f"{backend.name} on {backend.device}, runs at a time: {jobs}; "
        f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.system()} {platform.machine()}"
    )
    return f"{data} Accuracies and validation losses are those of the test images. {machine}."
