"""The README's commands and numbers are correct."""

import doctest
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox"


@pytest.mark.parametrize("file", ["README.md", ".ci/run"])
def test_the_test_command_is_a_line_of(file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert TEST_COMMAND in [line.strip() for line in lines]


def test_the_test_command_runs_the_quick_session() -> None:
    assert 'nox.options.sessions = ["quick"]' in (ROOT / "noxfile.py").read_text(encoding="utf-8")


@pytest.mark.skipif(not os.environ.get("CUTEDL_XP_DATA"), reason="$CUTEDL_XP_DATA does not name the MNIST files")
def test_the_accuracy_that_it_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("safetensors")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    examples = doctest.DocTestParser().get_examples(README.partition("An optimizer also works alone")[0])
    for example in examples:
        exec(example.source, names)  # noqa: S102 - this project's own README
    [promised] = [float(example.want) for example in examples if example.source.startswith("history.val_accuracy[-1]")]
    assert abs(names["history"].val_accuracy[-1] - promised) <= 0.003
    assert (tmp_path / "digits.safetensors").is_file()


def test_the_gpu_command_installs_this_checkout() -> None:
    command = next(line.strip() for line in README.splitlines() if "cuda13" in line and "pip install" in line)
    assert command.startswith('.venv/bin/pip install ".[cuda13]"')
