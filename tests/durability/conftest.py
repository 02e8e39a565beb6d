"""How much the tests of this folder try; README.md describes it."""

import os
from collections.abc import Callable

import pytest

_VARIABLE = "CUTEDL_XP_DURABILITY"


@pytest.fixture(scope="session")
def number_of() -> Callable[[int, int], int]:
    """Return a function that returns the first of two numbers, or the second with CUTEDL_XP_DURABILITY=large."""
    size = os.environ.get(_VARIABLE, "small")
    if size not in ("small", "large"):
        raise ValueError(f"${_VARIABLE} must be 'small' or 'large'; got {size!r}")
    return lambda small, large: large if size == "large" else small


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that the tests have recorded."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == "figures" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
