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
import preparation  # noqa: E402
import results  # noqa: E402
import screen  # noqa: E402
from runs import run_in_turn  # noqa: E402
from side_by_side import run_side_by_side  # noqa: E402

import cutedl_xp as cdl  # noqa: E402


def main() -> int:
    """Return 0 if all is done, 1 if a run failed or could not be written, 2 for wrong use, 130 after Ctrl-C."""
    parser = command_line.parser(__doc__ or "")
    args = command_line.parse(parser)
    try:
        job = preparation.begin(args) if args.resume is None else preparation.resume(args)
    except (cdl.BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        parser.error(str(error))
    source, book = job.source, job.book
    if source.warning:
        screen.warn(
            command_line.in_flags(job.found),
            f"Going on with {source.warning}. Name the folder of MNIST's files with --data-dir.",
        )

    book.go_on()
    plans = book.unfinished
    jobs = min(args.jobs, len(plans))
    done = run_side_by_side(plans, jobs, book.add) if jobs > 1 else run_in_turn(plans, book.add)
    book.close()
    screen.show(book.made, book.caption, book.folder, book.files, _describe_rest(book, begun=bool(plans)))
    if not done:
        return stopping.INTERRUPTED
    return 1 if book.unfinished or book.unwritten else 0


def _describe_rest(book: results.Book, begun: bool) -> str:
    """Return a sentence about the runs that are not finished, and none if all are."""
    if not begun:
        return f"all runs of {book.folder} had ended before; nothing was trained"
    if book.unfinished and book.folder.exists():
        return f"runs that are not finished: {len(book.unfinished)}; go on with --resume {book.folder}"
    return ""


if __name__ == "__main__":
    stopping.interrupt_as_usual()
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # while images are read or results written; every file is whole or not there
        sys.exit(stopping.INTERRUPTED)
