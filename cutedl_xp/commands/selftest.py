"""``cutedl-xp selftest``: check that a backend computes the same as NumPy."""

import argparse
import sys

from cutedl_xp.backends import get_backend
from cutedl_xp.bench import selftest

NAME = "selftest"
HELP = "check that a backend computes the same as NumPy, and print a summary"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the backend."""
    parser.add_argument("--device", help="cpu, cuda, cuda:N or auto")
    parser.add_argument("--backend", metavar="NAME", help="a backend instead of a device, such as torch or cupy:1")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown report of all checks")


def run(options: argparse.Namespace) -> int:
    """Print the summary or the report; return 1 if a check failed."""
    backend = get_backend(options.backend, device=options.device)
    checks = []
    for check in selftest.run(backend):
        checks.append(check)
        print("." if check.passed else "F", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(selftest.report(backend, checks) if options.markdown else selftest.summarize(backend, checks))
    return int(not all(check.passed for check in checks))
