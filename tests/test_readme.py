"""The README's commands are the ones that are checked."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
TEST_COMMAND = "python -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox"


def test_ci_runs_the_readmes_test_command() -> None:
    for file in ("README.md", ".ci/run"):
        assert TEST_COMMAND in (ROOT / file).read_text(encoding="utf-8").splitlines(), file
