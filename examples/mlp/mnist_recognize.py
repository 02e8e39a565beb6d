"""Learning-rate optimizers compared on one MNIST model: a dense layer from 784 pixels to 10 digits.

Trains until the validation loss stays where it is, or the validation accuracy stays above 91 %; writes a report
picture a run, a comparison of several, a table (also as CSV and Markdown) and the histories as JSON.
"""

import os
import sys

import stopping

if __name__ == "__main__":  # not in the workers, which import this file too
    stopping.quit_silently()

# Before NumPy is imported. More threads make such a small model slower, and sums in another order: with one, a run
# gives the same bits alone and beside others.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import command_line  # noqa: E402
import images  # noqa: E402
import results  # noqa: E402
import screen  # noqa: E402
from article import EXPERIMENTS  # noqa: E402
from runs import Plan, run_in_turn  # noqa: E402
from side_by_side import run_side_by_side  # noqa: E402

import cutedl_xp as cdl  # noqa: E402


def main() -> int:
    """0 if all is done, 1 if a run failed or could not be written, 2 for wrong use, 130 after Ctrl-C."""
    parser = command_line.parser(__doc__ or "")
    args = parser.parse_args()
    try:
        backend = cdl.get_backend(args.backend, device=args.device)
        cdl.listeners.Progress()  # needs tqdm, as the pictures need matplotlib
        folder = results.new_folder(args.out)
    except (cdl.BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        parser.error(str(error))
    try:
        source, found = images.find(args.data_dir)
    except (ImportError, OSError, TypeError, ValueError) as error:
        results.remove_if_empty(folder)
        parser.error(str(error))
    if source.warning:
        screen.warn(
            command_line.in_flags(found),
            f"Going on with {source.warning}. Name the folder of MNIST's files with --data-dir.",
        )

    names = list(EXPERIMENTS) if args.optimizer == "all" else [args.optimizer]
    seeds = range(args.seed, args.seed + args.seeds)
    plans = [Plan(name, seed, args.epochs, source, args.backend, args.device) for name in names for seed in seeds]
    jobs = min(args.jobs, len(plans))
    book = results.Book(folder, plans, source, screen.caption(source, backend, jobs, seeds))
    done = run_in_turn(plans, book.add) if jobs == 1 else run_side_by_side(plans, jobs, book.add)
    book.close()
    screen.show(book.made, book.caption, book.folder, book.files)
    if not done:
        return stopping.INTERRUPTED
    return 1 if len(book.made) < len(plans) or book.unwritten else 0


if __name__ == "__main__":
    stopping.interrupt_as_usual()
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # while images are read or results written; every file is whole or not there
        sys.exit(stopping.INTERRUPTED)
