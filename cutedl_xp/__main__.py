"""The command line: ``cutedl-xp``, or ``python -m cutedl_xp``."""

import argparse
import sys
from collections.abc import Sequence

from cutedl_xp._version import __version__
from cutedl_xp.backends import BackendUnavailable
from cutedl_xp.commands import bench, info, selftest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 for success, 1 if a check failed, 2 for wrong use."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except (BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        print(f"{parser.prog}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cutedl-xp", description="A small deep-learning trainer on any array library.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in (info, selftest, bench):
        own = commands.add_parser(command.NAME, help=command.HELP)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
