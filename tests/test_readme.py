"""The README's test command is the one that continuous integration runs."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox"


@pytest.mark.parametrize("file", ["README.md", ".ci/run"])
def test_the_test_command_is_a_line_of(file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert TEST_COMMAND in [line.strip() for line in lines]
