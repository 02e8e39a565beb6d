"""The program's arguments, and errors in their words."""

import argparse
from pathlib import Path
from typing import NoReturn

from article import EPOCHS, EXPERIMENTS

_EXAMPLES = """examples:
  python examples/mlp/mnist_recognize.py                                the article's Adam, in seconds
  python examples/mlp/mnist_recognize.py --optimizer all --jobs 2       all eight optimizers, two at a time
  python examples/mlp/mnist_recognize.py --optimizer all --seeds 4      each with the seeds 1 to 4
  python examples/mlp/mnist_recognize.py --device cuda                  on the first CUDA GPU

The outputs have a relu, which can die: a digit whose output is 0 for all its images is not learned any more, and the
run ends near 0.82 or 0.73 after many more steps. About one seed in three or four does that, such as 0.

Each run's results are written as it ends. Ctrl-C ends the training after the current step (with --jobs: after the
current epoch) and writes what there is; a second Ctrl-C ends the program at once and keeps the runs that had ended.
"""
# What the package calls its arguments, and what the user has typed.
_FLAGS = {"`name`": "--backend", "`device`": "--device", "`data_dir`": "--data-dir"}


class Parser(argparse.ArgumentParser):
    """Errors are one line, in the words of the command line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage before it."""
        self.exit(2, f"{self.prog}: error: {' '.join(in_flags(message).split())}\n")


def in_flags(message: str) -> str:
    """A sentence of the package about its arguments, about those of the command line."""
    for argument, flag in _FLAGS.items():
        message = message.replace(argument, flag)
    return message


def _at_least(least: int, text: str) -> int:
    if not text.strip().lstrip("+").isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {least}; got {text!r}")
    return int(text)


def _natural(text: str) -> int:
    return _at_least(0, text)


def _positive(text: str) -> int:
    return _at_least(1, text)


def parser(description: str) -> Parser:
    """What reads the arguments."""
    made = Parser(
        "mnist_recognize.py",
        description=description,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_what_to_run(made)
    _add_where(made)
    return made


def _add_what_to_run(made: Parser) -> None:
    add = made.add_argument
    add("--optimizer", choices=[*EXPERIMENTS, "all"], default="adam", help="which run of the article (default: adam)")
    add(
        "--seed",
        type=_natural,
        default=1,
        metavar="S",
        help="the first seed (default: 1; about one in three or four, such as 0, makes an output unit die)",
    )
    add("--seeds", type=_positive, default=1, metavar="N", help="how many seeds, from --seed on (default: 1)")
    add(
        "--epochs",
        type=_positive,
        default=EPOCHS,
        metavar="N",
        help=f"at most; the stop rules end a run much earlier (default: {EPOCHS})",
    )


def _add_where(made: Parser) -> None:
    add = made.add_argument
    add(
        "--device",
        metavar="D",
        help="cpu, cuda, cuda:N, or auto: a GPU where one answers (default: cpu, or $CUTEDL_XP_BACKEND)",
    )
    add("--backend", metavar="NAME", help="a backend instead of a device, such as array_api_strict or cupy:1")
    add(
        "--jobs",
        type=_positive,
        default=1,
        metavar="N",
        help="runs side by side, each on a processor core of its own (default: 1)",
    )
    add("--data-dir", metavar="DIR", help="has the four MNIST files (default: $CUTEDL_XP_DATA, else downloaded once)")
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for the results, empty or new (default: a new folder each time, out/<date and time>)",
    )
