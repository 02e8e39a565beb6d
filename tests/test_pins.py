"""Tools that several configuration files name have one version."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_pre_commit_and_nox_use_the_same_ruff() -> None:
    [pinned] = re.findall(r'"ruff==([\d.]+)"', (ROOT / "noxfile.py").read_text(encoding="utf-8"))
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: https://github.com/astral-sh/ruff-pre-commit\n +rev: v([\d.]+)", hooks) == [pinned]


def test_the_version_has_one_place() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in text
    assert not re.search(r"^version *=", text, re.MULTILINE)
    assert not re.search(r"^version *:", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
