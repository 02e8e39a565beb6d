"""Texts and tables in the terminal."""

import subprocess
import sys

import pytest

from cutedl_xp.commands import _output

pytest.importorskip("rich")
ROWS = [("momentum(lr=0.002, momentum=0.8)", "0.9221 to 0.9345", "12,345"), ("[bold]x[/bold]", "-", "never")]
COLUMNS = ("optimizer", "interval", "steps to target")


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_a_table_is_no_wider_than_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _output.show_table("A title", COLUMNS, ROWS, "A caption.")
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    if width >= 60:
        words = {"momentum(lr=0.002,", "momentum=0.8)", "[bold]x[/bold]", "0.9345", "never", "12,345"}
        assert words <= set(printed.split())


def test_a_wide_terminal_keeps_each_row_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _output.show_table("A title", COLUMNS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A title"
    assert lines[3].split("  ")[0] == ROWS[0][0]
    assert len(lines) == 6
    assert lines[-1] == ""


def test_a_closed_pipe_does_not_end_a_command() -> None:
    program = "import time\nfrom cutedl_xp.commands import _output\n"
    program += "print('x', flush=True)\ntime.sleep(1.0)\n_output.say('y' * 100_000)\n_output.note('done')\n"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "x\n"
    process.stdout.close()
    assert process.stderr.read() == "done\n"
    process.stderr.close()
    assert process.wait(timeout=60) == 0
