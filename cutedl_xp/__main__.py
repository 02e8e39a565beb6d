"""The command line: ``python -m cutedl_xp``, or ``cutedl-xp``."""

import argparse
import sys
from collections.abc import Sequence

from cutedl_xp.backends import BackendUnavailable, available_backends, get_backend


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; 0 if all is well, 1 if a check failed, 2 for wrong use."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except (BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        print(f"{parser.prog}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cutedl-xp", description="A small deep-learning trainer on any array library.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    info = commands.add_parser("info", help="which backends can be used here, on which devices, or why not")
    info.set_defaults(run=_info)
    return parser


def _info(options: argparse.Namespace) -> int:
    rows = [("backend", "version", "devices, or why it cannot be used")]
    for name, reason in available_backends().items():
        if reason is not None:
            rows.append((name, "-", f"not usable: {reason}"))
            continue
        backend = get_backend(name)
        rows += [(name, backend.version, device) for device in backend.devices()]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for row in rows:
        print(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
