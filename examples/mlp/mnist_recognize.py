"""Learning-rate optimizers compared on one MNIST model: a dense layer from 784 pixels to 10 digits.

Trains until the validation loss stays where it is, or the validation accuracy stays above 91 %; then writes a report
picture a run, a comparison of several, a table (also as CSV and Markdown) and the histories as JSON.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

# Before NumPy is imported. More threads make such a small model slower, and sums in another order: with one, a run
# gives the same bits alone and beside others.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import images  # noqa: E402
import results  # noqa: E402
import screen  # noqa: E402
import table  # noqa: E402
from article import EPOCHS, EXPERIMENTS  # noqa: E402
from runs import Failure, Plan, RunResult, run_in_turn  # noqa: E402
from side_by_side import run_side_by_side  # noqa: E402

import cutedl_xp as cdl  # noqa: E402

_EXAMPLES = """examples:
  python examples/mlp/mnist_recognize.py                                the article's Adam, in seconds
  python examples/mlp/mnist_recognize.py --optimizer all --jobs 2       all eight optimizers, two at a time
  python examples/mlp/mnist_recognize.py --optimizer all --seeds 4      each with the seeds 0 to 3
  python examples/mlp/mnist_recognize.py --device cuda                  on the first CUDA GPU
Ctrl-C ends the training and writes what there is; a second Ctrl-C ends the program at once.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage before it."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def _at_least(least: int, text: str) -> int:
    if not text.strip().lstrip("+").isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {least}; got {text!r}")
    return int(text)


def _parser() -> _Parser:
    parser = _Parser(
        "mnist_recognize.py",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--device",
        metavar="D",
        help="cpu, cuda, cuda:N, or auto: a GPU where one answers (default: cpu, or $CUTEDL_XP_BACKEND)",
    )
    add("--backend", metavar="NAME", help="a backend instead of a device, such as array_api_strict or cupy:1")
    add("--optimizer", choices=[*EXPERIMENTS, "all"], default="adam", help="which run of the article (default: adam)")
    add("--seed", type=lambda text: _at_least(0, text), default=0, metavar="S", help="the first seed (default: 0)")
    add("--seeds", type=lambda text: _at_least(1, text), default=1, metavar="N", help="how many seeds (default: 1)")
    add(
        "--epochs",
        type=lambda text: _at_least(1, text),
        default=EPOCHS,
        metavar="N",
        help=f"at most; the stop rules end a run much earlier (default: {EPOCHS})",
    )
    add(
        "--jobs",
        type=lambda text: _at_least(1, text),
        default=1,
        metavar="N",
        help="runs side by side, each on a processor core of its own (default: 1)",
    )
    add("--data-dir", metavar="DIR", help="has the four MNIST files (default: $CUTEDL_XP_DATA, else downloaded once)")
    add("--out", type=Path, default=Path("out"), metavar="DIR", help="where the results go (default: out)")
    return parser


def main() -> int:
    """0 if all is done, 1 if a run failed, 2 for wrong use, 130 after Ctrl-C."""
    parser = _parser()
    args = parser.parse_args()
    try:
        backend = cdl.get_backend(args.backend, device=args.device)
        cdl.listeners.Progress()  # needs tqdm, as the pictures need matplotlib
        results.check_folder(args.out)
        source, why_not_mnist = images.find(args.data_dir)
    except (cdl.BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        parser.error(str(error))
    if source.warning:
        screen.warn(why_not_mnist, f"Going on with {source.warning}. Name the folder of MNIST's files with --data-dir.")

    names = list(EXPERIMENTS) if args.optimizer == "all" else [args.optimizer]
    plans = [
        Plan(name, seed, args.epochs, source, args.backend, args.device)
        for name in names
        for seed in range(args.seed, args.seed + args.seeds)
    ]
    outcomes: list[RunResult | Failure] = []

    def ended(outcome: RunResult | Failure) -> None:
        outcomes.append(outcome)
        screen.tell(outcome)

    jobs = min(args.jobs, len(plans))
    done = run_in_turn(plans, ended) if jobs == 1 else run_side_by_side(plans, jobs, ended)
    screen.clear_below()

    made = [outcome for outcome in outcomes if isinstance(outcome, RunResult) and outcome.history.steps]
    made.sort(key=lambda result: (names.index(result.optimizer), result.seed))
    if made:
        caption = screen.caption(source, backend, jobs)
        print("\n" + table.as_text(made, caption) + "\n")
        try:
            files = results.write(args.out, made, data=source.name, warning=source.warning, caption=caption)
        except OSError as error:
            print(f"{parser.prog}: error: {error}", file=sys.stderr)
            return 1
        print(f"written to {args.out}: {', '.join(file.name for file in files)}")
    else:
        print("no run came as far as its first validation: nothing was written", file=sys.stderr)
    if not done:
        return 130
    return 1 if len(made) < len(plans) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # while images are read or results written; every file is whole or not there
        sys.exit(130)
