"""The reference of the command line has every command, and every option of ``--help`` with its explanation."""

import contextlib
import re
import runpy
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from cutedl_xp.__main__ import main
from cutedl_xp.activations import ACTIVATIONS
from cutedl_xp.initializers import INITIALIZERS
from cutedl_xp.studies.schedule_text import SCHEDULES

pytest.importorskip("typer")
ROOT = Path(__file__).parents[1]
COMMANDS: dict[str, Any] = runpy.run_path(str(ROOT / "docs/_ext/command_options.py"))
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
PAGE = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
NAMES = ("info", "selftest", "bench", "train", "compare", "sweep", "surface")


def squeeze(text: str) -> str:
    """Return a text without white space, and without the frames that typer draws."""
    return re.sub(r"[\s│╭╮╰╯─]", "", text).lower()


def test_the_page_describes_every_command() -> None:
    assert re.findall(r"^\.\. command-line:: (\w+)$", PAGE, re.MULTILINE) == list(NAMES)
    assert sorted(COMMANDS["read_commands"]()) == sorted(NAMES)
    for name in NAMES:
        assert f"\n### {name}\n" in PAGE
        assert f"[`cutedl-xp {name}`](#{name})" in PAGE


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_every_option_of_the_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        main([name, "--help"])
    printed = capsys.readouterr().out
    command = COMMANDS["read_commands"]()[name]
    described = [option for each in command.options for option in OPTION.findall(each.text)]
    assert len(described) == len(set(described))
    shown, _, _ = printed.partition("examples:")
    own = re.findall(r"^[\s│]*(--?[a-z][a-z-]*)(?:,? +(--?[a-z][a-z-]*))?", shown, re.MULTILINE)
    assert {option for pair in own for option in pair if option} == set(described)


@pytest.mark.parametrize("name", NAMES)
def test_the_explanations_are_those_of_the_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        main([name, "--help"])
    printed = squeeze(capsys.readouterr().out)
    command = COMMANDS["read_commands"]()[name]
    for option in command.options:
        if "--help" not in option.text:
            assert squeeze(option.help).rstrip(".") in printed
            assert squeeze(option.text.rpartition(" ")[2]) in printed
    assert squeeze(command.examples) in printed
    assert squeeze(command.remarks) in printed
    text = "\n".join(COMMANDS["write_rst"](name, command))
    assert all(f".. option:: {option.text}" in text for option in command.options)


def test_marks_of_restructuredtext_are_escaped() -> None:
    assert COMMANDS["escape"]("a_b *c* `d` |e|") == r"a\_b \*c\* \`d\` \|e\|"
    assert COMMANDS["escape"]("Start such as --start=-2,0.5.") == "Start such as ``--start=-2,0.5``."
    assert COMMANDS["escape"]('with --some-option or "adam(lr=1)"') == 'with ``--some-option`` or ``"adam(lr=1)"``'


@pytest.mark.parametrize(
    ("option", "values"), [("activation", ACTIVATIONS), ("initializer", INITIALIZERS), ("schedule", SCHEDULES)]
)
def test_an_explanation_lists_all_values(option: str, values: Collection[str]) -> None:
    [explanation] = [
        each.help for each in COMMANDS["read_commands"]()["train"].options if each.text.startswith(f"--{option} ")
    ]
    assert {name for name in values if not re.search(rf"\b{name}\b", explanation)} == set()
