"""The command line without its optional dependencies."""

import subprocess
import sys

import pytest

from cutedl_xp import __version__
from cutedl_xp.commands.plain import COMMANDS, STUDIES


def run_without_typer(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "import sys\nfor name in ('typer', 'rich'): sys.modules[name] = None\n"
    program += f"from cutedl_xp.__main__ import main\nsys.exit(main({list(arguments)!r}))"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_plain_commands_work() -> None:
    assert run_without_typer("--version").stdout == f"cutedl-xp {__version__}\n"
    done = run_without_typer("info")
    assert (done.returncode, done.stderr) == (0, "")
    assert "numpy" in done.stdout


def test_the_help_names_every_command() -> None:
    for arguments, code in (((), 2), (("--help",), 0)):
        done = run_without_typer(*arguments)
        assert (done.returncode, done.stderr) == (code, "")
        assert done.stdout.startswith("usage: cutedl-xp")
        assert all(name in done.stdout for name in (*COMMANDS, *STUDIES))


@pytest.mark.parametrize("command", STUDIES)
def test_studies_need_the_extra(command: str) -> None:
    done = run_without_typer(command, "--seeds", "3")
    assert (done.returncode, done.stdout) == (2, "")
    sentence = f"cutedl-xp {command} needs typer, which is not installed: pip install"
    assert done.stderr == f'cutedl-xp: error: {sentence} "cutedl_xp[cli]"\n'


@pytest.mark.parametrize("arguments", [("nonsense",), ("bench", "--rounds", "many"), ("info", "--nonsense")])
def test_wrong_use_is_one_sentence(arguments: tuple[str, ...]) -> None:
    done = run_without_typer(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cutedl-xp: error: ")
    assert len(done.stderr.splitlines()) == 1
