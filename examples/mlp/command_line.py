"""The program's arguments, and errors in their words."""

import argparse
import importlib.util
from pathlib import Path
from typing import NoReturn

from article import EPOCHS, EXPERIMENTS

_EXAMPLES = """examples:
  python examples/mlp/mnist_recognize.py                                the article's Adam, in seconds
  python examples/mlp/mnist_recognize.py --optimizer all --jobs 2       all eight optimizers, two at a time
  python examples/mlp/mnist_recognize.py --optimizer all --seeds 4      each with the seeds 1 to 4
  python examples/mlp/mnist_recognize.py --device cuda                  on the first CUDA GPU
  python examples/mlp/mnist_recognize.py --optimizer all --checkpoint-every 1 --out results
                                                                        with a checkpoint after each epoch
  python examples/mlp/mnist_recognize.py --resume results               goes on with them after a kill or Ctrl-C

The outputs have a relu, which can die: a digit whose output is 0 for all its images is not learned any more, and the
run ends near 0.82 or 0.73 after many more steps. About one seed in three or four does that, such as 0.

Each run's results are written as it ends. Ctrl-C ends the training after the current step (with --jobs: after the
current epoch) and writes what there is; a second Ctrl-C ends the program at once and keeps the runs that had ended.
After either, and after a kill or a crash, --resume goes on: each interrupted run from its last checkpoint. The results
are those of an undisturbed program; a checkpoint is removed when its run has ended.
"""
_DEFAULTS = {
    "optimizer": "adam",
    "seed": 1,
    "seeds": 1,
    "epochs": EPOCHS,
    "checkpoint_every": 10,
    "device": None,
    "backend": None,
    "jobs": 1,
    "data_dir": None,
    "out": None,
    "resume": None,
}
_WITH_RESUME = ("resume", "jobs", "data_dir")
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
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    _add_what_to_run(made)
    _add_where(made)
    _add_resumption(made)
    return made


def parse(made: Parser) -> argparse.Namespace:
    """Return the arguments of this call, and the defaults of the others."""
    given = vars(made.parse_args())
    others = [f"--{name.replace('_', '-')}" for name in given if name not in _WITH_RESUME]
    if "resume" in given and others:
        made.error(f"--resume goes on with the options of the call that began; leave out {', '.join(others)}")
    return argparse.Namespace(**_DEFAULTS | given)


def check_installed(checkpoint_every: int) -> None:
    """Refuse checkpoints if no file of them can be written."""
    if checkpoint_every and importlib.util.find_spec("safetensors") is None:
        raise ImportError(
            'a checkpoint needs safetensors, which is not installed: pip install "cutedl_xp[files]", or turn '
            "checkpoints off with --checkpoint-every 0"
        )


def _add_what_to_run(made: Parser) -> None:
    add = made.add_argument
    add("--optimizer", choices=[*EXPERIMENTS, "all"], help="which run of the article (default: adam)")
    add(
        "--seed",
        type=_natural,
        metavar="S",
        help="the first seed (default: 1; about one in three or four, such as 0, makes an output unit die)",
    )
    add("--seeds", type=_positive, metavar="N", help="how many seeds, from --seed on (default: 1)")
    add(
        "--epochs",
        type=_positive,
        metavar="N",
        help=f"at most; the stop rules end a run much earlier (default: {EPOCHS})",
    )


def _add_resumption(made: Parser) -> None:
    add = made.add_argument
    add(
        "--checkpoint-every",
        type=_natural,
        metavar="N",
        help="epochs between two checkpoints of a run, in the folder for the results (default: 10; 0: none)",
    )
    add(
        "--resume",
        type=Path,
        metavar="DIR",
        help="go on in the folder of an earlier call, with its options; only --jobs and --data-dir may be given",
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
