"""The commands of ``cutedl-xp`` and their options, as their own parsers describe them."""

import argparse
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from cutedl_xp.__main__ import NAME
from cutedl_xp.commands import plain

HELP = "Show the options of the command and exit."


class Option(NamedTuple):
    """Option or argument of a command, such as ``"--seeds N"``, with its explanation and the group that it is in."""

    text: str
    help: str
    group: str = ""


class Command(NamedTuple):
    """Command with its usage, its explanation, its options in their order, and its examples and remarks."""

    usage: str
    help: str
    options: list[Option]
    examples: str = ""
    remarks: str = ""


def read_commands() -> dict[str, Command]:
    """Return all commands by their names."""
    from cutedl_xp.commands import application  # needs typer

    found = {name: _read_plain(name) for name in plain.COMMANDS}
    commands = application.make_command(NAME).commands
    return {name: found.get(name) or _read_study(name, command) for name, command in commands.items()}


def _read_plain(name: str) -> Command:
    parser = plain.Parser(f"{NAME} {name}")
    plain.COMMANDS[name].add_arguments(parser)
    options = [Option("-h, --help", HELP)]
    for action in parser._actions[1:]:
        value = "" if action.nargs == 0 else _value_of(action)
        options.append(Option(", ".join(action.option_strings) + value, action.help or ""))
    text = parser.description or plain.COMMANDS[name].HELP
    return Command(f"{NAME} {name} [OPTIONS]", _as_sentence(text), options)


def _value_of(action: argparse.Action) -> str:
    if action.choices:
        return f" {{{','.join(action.choices)}}}"
    return f" {action.metavar or action.dest.upper()}"


def _as_sentence(text: str) -> str:
    text = f"{text[0].upper()}{text[1:]}"
    return text if text.endswith((".", ")")) else f"{text}."


def _read_study(name: str, command: Any) -> Command:
    arguments, options = [], [Option("-h, --help", HELP)]
    for each in command.params:
        if each.opts[0].startswith("-"):
            value = "" if each.is_flag else f" {each.metavar}"
            options.append(Option(", ".join(each.opts) + value, each.help, each.rich_help_panel or ""))
        else:
            shown = f"[{each.metavar.strip('[]')}]{'...' if each.nargs == -1 else ''}"
            arguments.append(Option(shown, each.help))
    usage = " ".join([NAME, name, "[OPTIONS]", *[each.text for each in arguments]])
    examples, remarks = _split_epilog(command.epilog)
    return Command(usage, command.help, [*arguments, *options], examples, remarks)


def _split_epilog(epilog: str) -> tuple[str, str]:
    """Return the examples, which are indented, and what follows them."""
    lines = epilog.removeprefix("examples:\n").splitlines()
    end = next((number for number, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    examples = [line.removeprefix("  ") for line in lines[:end]]
    return "\n".join(examples).strip("\n"), " ".join(lines[end:])


def write_rst(name: str, command: Command) -> Iterator[str]:
    """Yield the lines of reStructuredText that describe a command."""
    yield from (escape(command.help), "", ".. code-block:: text", "", f"   {command.usage}", "")
    yield from (f".. program:: {NAME} {name}", "")
    group = ""
    for option in command.options:
        if option.group != group:
            group = option.group
            yield from (f".. rubric:: {group}", "")
        yield from (f".. option:: {option.text}", "", f"   {escape(option.help)}", "")
    if command.examples:
        yield from (".. rubric:: Examples", "", ".. code-block:: text", "")
        yield from (f"   {line}" if line else "" for line in command.examples.splitlines())
        yield ""
    yield escape(command.remarks)


_CODE = re.compile(r'("[^"]+"|(?<![\w-])--[a-z][a-z-]*(?:=[^\s]*\w)?)')  # a quoted text or an option


def escape(text: str) -> str:
    """Return a text with its code as literals, in which no other mark of reStructuredText has a meaning."""
    parts = _CODE.split(text)
    parts[1::2] = [f"``{part}``" for part in parts[1::2]]
    parts[::2] = [re.sub(r"([\\*`|_])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
