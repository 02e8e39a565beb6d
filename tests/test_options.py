"""Attributes that are checked when they are assigned."""

import copy
from typing import Any

import pytest

from cutedl_xp._checks import check_positive
from cutedl_xp._options import constant, option


class Scale:
    """An object with an option and a constant."""

    factor: float = option(check_positive)
    name: str = constant()

    def __init__(self, factor: Any, name: str) -> None:
        self.factor, self.name = factor, name


def test_an_option_is_checked_at_each_assignment() -> None:
    with pytest.raises(ValueError, match=r"^`factor` must be greater than 0; got -1$"):
        Scale(-1, "a")
    scale = Scale(1, "a")
    scale.factor = 2
    assert repr(scale.factor) == "2.0"
    with pytest.raises(TypeError, match=r"^`factor` must be a number; got '3' \(str\)$"):
        scale.factor = "3"  # type: ignore[assignment]
    assert (scale.factor, vars(scale)) == (2.0, {"factor": 2.0, "name": "a"})


def test_a_constant_is_assigned_once() -> None:
    scale = Scale(1, "a")
    with pytest.raises(AttributeError, match=r"^`name` of Scale cannot be assigned; make a new Scale$"):
        scale.name = "b"
    assert scale.name == "a"


def test_objects_are_copied_with_their_options() -> None:
    scale = Scale(1, "a")
    for copied in (copy.copy(scale), copy.deepcopy(scale)):
        assert vars(copied) == vars(scale)
        with pytest.raises(ValueError, match="greater than 0"):
            copied.factor = 0
