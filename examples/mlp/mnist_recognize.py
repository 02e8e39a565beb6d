"""The article's eight runs: learning-rate optimizers compared on one MNIST model.

The model is a dense layer from 784 pixels to 10 digits with a relu on the outputs. A run ends when the validation loss
no longer falls, or when the validation accuracy stays above 91 %. The article validates on the test images.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TextIO

from cutedl_xp import BackendUnavailable, get_backend
from cutedl_xp.datasets import mnist
from cutedl_xp.listeners import Progress
from cutedl_xp.studies import Plan, Settings, Study
from cutedl_xp.studies.data import load
from cutedl_xp.studies.executors import Outcome

INTERRUPTED = 130
EPILOG = """runs of the article:
  {runs}

examples:
  mnist_recognize.py                   Adam, in seconds
  mnist_recognize.py --device cuda     on a CUDA GPU
  mnist_recognize.py --optimizer all   all eight runs
  mnist_recognize.py --optimizer all --seeds 4

After Ctrl-C, a kill or a crash, the same command makes the missing runs in the folder of the results; unfinished
runs continue from their checkpoints. More optimizers and seeds are added to the folder.

With some seeds, output units become permanently inactive: their relu gives 0 for all images of their digit. Such a run
ends near 0.82 or 0.73 after many more steps. The table counts these runs.
"""


class Published(NamedTuple):
    """One of the article's runs, with its results for one seed."""

    optimizer: str
    steps: int
    best_accuracy: float


ARTICLE = {
    "fixed-small": Published("fixed(lr=0.0001)", 947_380, 0.9091),
    "fixed-large": Published("fixed(lr=0.2)", 73_164, 0.8445),
    "fixed": Published("fixed(lr=0.01)", 28_140, 0.9199),
    "momentum": Published("momentum(lr=0.002, momentum=0.9)", 23_450, 0.9224),
    "adagrad": Published("adagrad(lr=0.001)", 527_156, 0.8033),
    "rmsprop": Published("rmsprop(lr=0.0001, rho=0.99)", 51_590, 0.9154),
    "adadelta": Published("adadelta(rho=0.99)", 36_582, 0.9171),
    "adam": Published("adam(lr=0.0001, beta1=0.9, beta2=0.99)", 25_326, 0.9243),
}


FIGURES = "{:8}  {:>9}  {:>9}  {:>8}  {:>8}  {:>8}"
"""Line of the table under the name of a run, at most 60 characters."""


def main() -> int:
    """Return 0 if all runs have finished, 1 if a run failed, 2 for wrong use, 130 after Ctrl-C."""
    arguments = parse_arguments()
    study = None
    try:
        study = open_study(arguments)
        if not study.missing:
            say(f"all runs of {study.folder} had finished before; --new makes them again")
        failed = study.run(arguments.jobs, None, arguments.checkpoint_every, tell, follow)
    except KeyboardInterrupt:
        if study is None:
            return INTERRUPTED
        show(study)
        say(f"interrupted; the same command makes the other runs of {study.folder}", sys.stderr)
        return INTERRUPTED
    except (BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        print(f"mnist_recognize.py: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    try:
        show(study)
    except OSError as error:
        say(f"mnist_recognize.py: error: {' '.join(str(error).split())}", sys.stderr)
        return 1
    return 1 if failed else 0


def open_study(arguments: argparse.Namespace) -> Study:
    """Return the study of the article's settings with the chosen optimizers and seeds."""
    names = list(ARTICLE) if arguments.optimizer == "all" else [arguments.optimizer]
    backend = None if arguments.device else arguments.backend or os.environ.get("CUTEDL_XP_BACKEND") or "numpy"
    get_backend(backend, device=arguments.device)  # before the images are read
    data = "mnist" if arguments.data_dir is None else str(arguments.data_dir.absolute())
    warn_of_other_images(data)
    plan = Plan(
        data=[data],
        models=["784-10"],
        optimizers=[ARTICLE[name].optimizer for name in names],
        seeds=list(range(arguments.seed, arguments.seed + arguments.seeds)),
        settings=Settings(
            output_activation="relu",
            validation="test",
            epochs=arguments.epochs,
            patience=20,
            min_delta=0.001,
            target=0.91,
            target_times=20,
            backend=backend,
            device=arguments.device,
        ),
    )
    return Study(arguments.out, plan, new=arguments.new)


def warn_of_other_images(data: str) -> None:
    """Print a warning if the images are not those of the article."""
    warning = load(data, validation="test").warning
    if data != "mnist" and "unknown" in mnist.checksums(data).values():
        warning = f"the files in {data} are not MNIST's own"
    if warning:
        say(f"WARNING: {warning}; the results cannot be compared with the article's", sys.stderr)


def follow(spec: Any) -> list[Progress]:
    """Return the listener that shows the progress of a run in this process."""
    [name] = [name for name, published in ARTICLE.items() if published.optimizer == spec.optimizer]
    return [Progress(description=f"{name}, seed {spec.seed}")]


def tell(outcome: Outcome) -> None:
    """Print the end of a run."""
    if outcome.run is None:
        say(f"{outcome.spec} failed: {outcome.error}", sys.stderr)
        return
    figures = outcome.run["figures"]
    say(
        f"{outcome.spec}: {figures['steps']:,} steps in {figures['seconds']:.1f} s, validation accuracy "
        f"{figures['val_accuracy']:.4f}; stopped: {outcome.run['stop_reason']}",
        sys.stderr,
    )


def show(study: Study) -> None:
    """Write the tables and figures, and print the medians over the seeds next to the article's results."""
    if not study.runs:
        return
    files = study.write()
    say("\n" + FIGURES.format("", "steps", "article", "best acc", "article", "inactive"))
    for name, published in ARTICLE.items():
        figures = [run["figures"] for run in study.runs if run["optimizer"] == published.optimizer]
        if figures:
            say(f"{name}: {published.optimizer}\n{format_figures(published, figures)}")
    say("\ninactive: runs with permanently inactive outputs")
    say(f"\nwritten to {study.folder}: {', '.join(sorted(file.name for file in files))}")


def say(text: str, stream: TextIO = sys.stdout) -> None:
    """Print a line, and continue if nobody reads it, as with ``| head``: the results are in files."""
    try:
        print(wrap(text) if stream.isatty() else text, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else Python complains when it closes the stream


def wrap(text: str) -> str:
    """Return text with its paragraphs wrapped to the width of the terminal; indented lines stay unchanged."""
    width = shutil.get_terminal_size().columns
    lines = re.sub(r"(?<=\S)\n(?=\S)", " ", text).split("\n")
    fill = partial(textwrap.fill, width=width, break_long_words=False, break_on_hyphens=False)  # of paths
    return "\n".join(line if line[:1] == " " else fill(line) for line in lines)


def format_figures(published: Published, figures: Sequence[dict[str, Any]]) -> str:
    """Return the medians of the runs of an optimizer, next to the article's results."""
    steps = median(each["steps"] for each in figures)
    accuracy = median(each["best_val_accuracy"] for each in figures)
    inactive = sum(bool(each["inactive_outputs"]) for each in figures)
    runs = f"  {len(figures)} run{'s' * (len(figures) > 1)}"
    here, article = (f"{each:,.0f}" for each in (steps, published.steps))
    best, published_best = (f"{each:.4f}" for each in (accuracy, published.best_accuracy))
    return FIGURES.format(runs, here, article, best, published_best, f"{inactive} of {len(figures)}")


def parse_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    runs = "\n  ".join(f"{name}: {published.optimizer}" for name, published in ARTICLE.items())
    parser = argparse.ArgumentParser(
        "mnist_recognize.py",
        description=wrap(str(__doc__)),
        epilog=wrap(EPILOG.format(runs=runs)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    names = [*ARTICLE, "all"]
    add("--optimizer", choices=names, default="adam", metavar="RUN", help="adam (the default), a run below, or all")
    add("--seed", type=int, default=1, metavar="S", help="first seed (default: 1)")
    add("--seeds", type=int, default=1, metavar="N", help="number of seeds, from --seed on (default: 1)")
    add("--epochs", type=int, default=5000, metavar="N", help="most epochs of a run; the stop rules end it sooner")
    add("--device", metavar="D", help="cpu, cuda, cuda:N or auto (default: cpu, or $CUTEDL_XP_BACKEND)")
    add("--backend", metavar="NAME", help="a backend instead of a device, such as torch or cupy:1")
    add("--jobs", type=int, metavar="N", help="parallel runs (default: one for each processor core)")
    add("--data-dir", type=Path, metavar="DIR", help="folder of the MNIST files (default: downloaded once)")
    add("--out", type=Path, default=Path("out/article"), metavar="DIR", help="folder of the results")
    add("--new", action="store_true", help="make another folder if DIR holds results: DIR-2, DIR-3, ...")
    add("--checkpoint-every", type=int, default=10, metavar="N", help="epochs between two checkpoints; 0: none")
    arguments = parser.parse_args()
    if arguments.device and arguments.backend:
        parser.error("give --device or --backend, not both")
    if arguments.seeds < 1:
        parser.error(f"--seeds must be 1 or greater; got {arguments.seeds}")
    return arguments


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # batch systems send SIGTERM
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before the first run, or while files are written atomically
        sys.exit(INTERRUPTED)
