"""Commands without optional dependencies, and their arguments for argparse."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from cutedl_xp import _checks
from cutedl_xp._version import __version__
from cutedl_xp.commands import bench, info, selftest

DESCRIPTION = "Compare learning-rate optimizers, train dense networks, and measure the speed of array libraries."
COMMANDS = {command.NAME: command for command in (info, selftest, bench)}
STUDIES = {
    "train": "train one model and save it",
    "compare": "compare optimizers over seeds",
    "sweep": "compare optimizers over a grid of learning rates",
    "surface": "draw the paths of optimizers on known surfaces",
}


class Parser(argparse.ArgumentParser):
    """Parser with errors of one sentence."""

    def error(self, message: str) -> NoReturn:
        """Print the message without the usage, and exit with code 2."""
        self.exit(2, f"{self.prog.partition(' ')[0]}: error: {' '.join(message.split())}\n")


def run(name: str, arguments: Sequence[str]) -> int:
    """Run a command without typer; the commands for studies raise ImportError."""
    parser = Parser(name, description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    for each in COMMANDS.values():
        each.add_arguments(commands.add_parser(each.NAME, help=each.HELP))
    for study, text in STUDIES.items():
        commands.add_parser(study, help=f'{text} (needs pip install "cutedl_xp[cli]")', add_help=False)
    options, rest = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    if options.command in STUDIES:
        raise _checks.missing_extra_error(f"{name} {options.command}", "typer", "cli")
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return int(COMMANDS[options.command].run(options))


def run_command(name: str, command: str, arguments: Sequence[str]) -> int:
    """Run one of the commands in ``COMMANDS`` with its own arguments."""
    parser = Parser(f"{name} {command}")
    COMMANDS[command].add_arguments(parser)
    return int(COMMANDS[command].run(parser.parse_args(arguments)))
