"""The check of the docstrings finds faults of functions, classes, methods and properties, and excuses few."""

import runpy
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pytest

pytest.importorskip("numpydoc", reason="the session `types` has numpydoc")


@pytest.fixture(scope="module")
def check() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[1] / "docs" / "check_docstrings.py"))


def without_docstring(x): ...


def noun(x):
    """The double of ``x``."""
    return 2 * x


def unexplained(x, factor):
    """Multiply ``x``"""
    return factor * x


def wrong_entries(x, factor):
    """Return a product.

    Examples
    --------
    >>> wrong_entries(1, 2)
    2

    Parameters
    ----------
    factor
        Number of times.
    x
        lower case
    y
    """
    return factor * x


def faultless(xp, x, factor):
    """Return the multiple of ``x``.

    Parameters
    ----------
    factor
        Number of times.

    Examples
    --------
    >>> faultless(None, 1, 2)
    2
    """
    return factor * x


def generate(n):
    """Count up to ``n``.

    Examples
    --------
    >>> list(generate(1))
    [0]
    """
    yield from range(n)


class Stack:
    """Stack of numbers.

    Attributes
    ----------
    top
        The number at the top.

    State
    -----
    size : the number of numbers.

    Examples
    --------
    >>> Stack(1).double(2)
    2
    """

    def __init__(self, top: int) -> None:
        self.top = top

    @property
    def depth(self) -> int: ...

    @cached_property
    def whole(self) -> int:
        """The whole stack."""

    @classmethod
    def of(cls, numbers) -> "Stack":
        """Make a stack."""
        return cls(numbers[0])

    def pop(self) -> int:
        """Remove the top."""
        return self.top

    def double(self, n: int) -> int:
        """Multiply something."""
        return self.top * n

    def _private(self, n): ...


class Other(Stack):
    """Another stack of ``top``."""

    def pop(self) -> int: ...

    def double(self, n: int) -> int:
        """Add the number to itself."""
        return n + n


class Refused(ValueError):
    """Refusal of a number."""


class Function(Protocol):
    """Function of a number."""

    def __call__(self, x: int) -> int: ...


def faults(check: dict[str, Any], value: Any, **rules: bool) -> list[str]:
    found = check["faults"](check["Named"]("it", value, **rules))
    return sorted(fault.split()[1] for fault in found)


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        (without_docstring, ["GL08"]),
        (noun, ["EX01", "RT01", "SS05"]),
        (unexplained, ["EX01", "PR01", "RT01", "SS03"]),
        (wrong_entries, ["GL07", "PR02", "PR07", "PR08", "PR09"]),
        (faultless, []),
        (generate, ["YD01"]),
        (Stack, []),
        (Other, ["EX01"]),
        (Refused, []),
        (Function, []),
    ],
)
def test_faults_of_exported_names(check: dict[str, Any], value: Any, codes: list[str]) -> None:
    assert faults(check, value, is_exported=True) == codes


def test_an_example_is_required_of_exported_names_alone(check: dict[str, Any]) -> None:
    assert faults(check, noun) == ["RT01", "SS05"]


def test_a_sentence_names_the_object_the_code_and_the_remedy(check: dict[str, Any]) -> None:
    first, second, _ = check["faults"](check["Named"]("package.unexplained", unexplained))
    assert first == "package.unexplained: SS03 Summary does not end with a period"
    assert second == "package.unexplained: RT01 No Returns section found"


def test_members_of_a_class(check: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(check["members"].__globals__, "PACKAGE", __name__)
    found = {named.name.removeprefix(f"{__name__}."): named for named in check["members"](Other)}
    codes = {name: faults(check, value, is_override=rule) for name, value, _, rule in found.values()}
    assert {name.removeprefix(f"{__name__}."): each for name, each in codes.items()} == {
        "Other.double": [],  # Stack describes its parameter and result; `Other.pop` inherits its docstring
        "Stack.depth": ["GL08"],
        "Stack.whole": [],
        "Stack.of": ["PR01", "RT01"],
        "Stack.pop": [],
        "Stack.double": ["PR01", "RT01"],
    }


def test_objects_of_a_package(check: dict[str, Any]) -> None:
    names = {named.name: named for named in check["public_objects"]()}
    assert names["cutedl_xp.Model"].is_exported
    assert names["cutedl_xp.datasets.mnist.load"].is_exported
    assert not names["cutedl_xp.training.history.History"].is_exported
    assert "cutedl_xp.model.chain.Chain.forward" in names
    assert not any("._" in name.rpartition(".")[2] for name in names)
