"""Application of all commands with their help and completion, based on typer."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from cutedl_xp._version import __version__
from cutedl_xp.commands import compare, options, plain, surface, sweep, train

_EXAMPLES = """examples:
  cutedl-xp info
  cutedl-xp train --data digits --model 64-24-10 --optimizer "adam(lr=0.01)"
  cutedl-xp compare --data digits --tune 20 --seeds 10
  cutedl-xp sweep --data digits --optimizer adam

cutedl-xp COMMAND --help shows the options of a command."""
_SETTINGS = {"help_option_names": ["-h", "--help"]}
_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def run(name: str, arguments: Sequence[str]) -> int:
    """Run a command; a usage error is one sentence and exits with code 2.

    Parameters
    ----------
    name
        Name of the program in messages and in the completion.
    arguments
        Arguments of the command line.
    """
    command = make_command(name)
    try:
        code = command.main(list(arguments), prog_name=name, standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # the base class differs between versions of typer
            raise
        print(f"{name}: error: {' '.join(error.format_message().split())}", file=sys.stderr)
        raise SystemExit(2) from None
    return int(code or 0)


def make_command(name: str) -> Any:
    """Return the command that contains all others; the documentation reads its options."""
    app = typer.Typer(
        help=plain.DESCRIPTION,
        epilog=_EXAMPLES,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
    )
    app.callback(invoke_without_command=True)(_begin)
    for command, run_study, groups, examples in (
        ("train", train.run, train.OPTIONS, train.EXAMPLES),
        ("compare", compare.run, compare.OPTIONS, compare.EXAMPLES),
        ("sweep", sweep.run, sweep.OPTIONS, sweep.EXAMPLES),
        ("surface", _draw_surfaces, (options.SURFACE,), surface.EXAMPLES),
    ):
        described = {"help": _capitalise(plain.STUDIES[command]), "epilog": examples}
        app.command(command, rich_help_panel="Studies", **described)(options.as_command(run_study, *groups))
    for command, plainly in plain.COMMANDS.items():
        app.command(
            command,
            help=_capitalise(plainly.HELP),
            add_help_option=False,
            context_settings=_PASSED_ON,
            rich_help_panel="Array libraries",
        )(_pass_on(name, command))
    return typer.main.get_command(app)


def _begin(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        print(f"{context.info_name} {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.get_help()
        raise typer.Exit(2)


def _pass_on(name: str, command: str) -> Callable[[typer.Context], int]:
    """Return a function for typer that passes the arguments of a command to argparse."""

    def run_plainly(context: typer.Context) -> int:
        return plain.run_command(name, command, context.args)

    return run_plainly


def _draw_surfaces(given: dict[str, Any]) -> int:
    return surface.run(**given)


def _capitalise(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
