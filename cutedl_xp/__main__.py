"""Command line: ``cutedl-xp``, or ``python -m cutedl_xp``."""

import os
import sys
from collections.abc import Sequence

from cutedl_xp.backends import BackendUnavailable
from cutedl_xp.commands import _signals, plain

NAME = "cutedl-xp"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments
        Arguments of the command line, by default the arguments of the process.

    Returns
    -------
    int
        Exit code: 0 for success, 1 if a run or a check failed, 2 for wrong use, 130 after Ctrl-C or SIGTERM.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _signals.sigterm_interrupts():
            code = _run(given)
            if sys.stdout is not None:
                sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return _signals.INTERRUPTED
    except BrokenPipeError:  # the reader of the output, such as `| head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise Python reports an error at its end
        return 1
    except (BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        print(f"{NAME}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _run(arguments: list[str]) -> int:
    """Run a command through typer, or through argparse if typer is not installed."""
    try:
        import typer as _  # noqa: F401
    except ImportError:
        return plain.run(NAME, arguments)
    from cutedl_xp.commands import application

    return application.run(NAME, arguments)


if __name__ == "__main__":
    sys.exit(main())
