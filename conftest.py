"""Fixtures of the examples in docstrings; those of the tests are in ``tests/conftest.py``."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def empty_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each example of a docstring in an empty folder, so that it can write files."""
    if isinstance(request.node, pytest.DoctestItem):
        folder: Path = request.getfixturevalue("tmp_path")
        monkeypatch.chdir(folder)
