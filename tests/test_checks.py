"""Checks of arguments: they return valid arguments as plain Python values, and raise for others."""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import _checks

REALS = {
    "real": (_checks.check_real, lambda x: True, ""),
    "positive": (_checks.check_positive, lambda x: x > 0, "must be greater than 0"),
    "not_negative": (_checks.check_not_negative, lambda x: x >= 0, "must be 0 or greater"),
    "fraction": (_checks.check_fraction, lambda x: 0 < x < 1, "must lie strictly between 0 and 1"),
}
real_checks = pytest.mark.parametrize(("check", "allowed", "words"), REALS.values(), ids=REALS)


@real_checks
@given(value=st.floats(allow_nan=False, allow_infinity=False) | st.floats(0.0, 1.0) | st.sampled_from([0.0, -0.0, 1.0]))
def test_real_numbers_pass_or_are_refused_by_value(
    check: Callable[..., float], allowed: Callable[[float], bool], words: str, value: float
) -> None:
    if allowed(value):
        assert check("x", value) == value
    else:
        with pytest.raises(ValueError, match=f"^`x` {words}; got ") as caught:
            check("x", value)
        assert str(caught.value).endswith(repr(value))


@real_checks
@pytest.mark.parametrize("value", [0.5, np.float16(0.5), np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_any_real_number_becomes_a_python_float(
    check: Callable[..., float], allowed: Callable[[float], bool], words: str, value: Any
) -> None:
    found = check("x", value)
    assert (type(found), found) == (float, 0.5)


@real_checks
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), 10**400, -(10**400)])
def test_numbers_that_are_not_finite_are_refused(
    check: Callable[..., float], allowed: Callable[[float], bool], words: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=r"^`x` must be finite; got ") as caught:
        check("x", value)
    assert str(caught.value).endswith(repr(value))


@real_checks
@pytest.mark.parametrize(
    "value", [True, False, np.True_, "0.5", None, 0.5j, Decimal("0.5"), np.array(0.5), [0.5]], ids=repr
)
def test_other_types_are_refused(
    check: Callable[..., float], allowed: Callable[[float], bool], words: str, value: Any
) -> None:
    with pytest.raises(TypeError) as caught:
        check("x", value)
    assert str(caught.value) == f"`x` must be a number; got {value!r} ({type(value).__name__})"


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
@pytest.mark.parametrize("at_least", [-1, 0, 3])
def test_any_integer_that_is_large_enough_becomes_a_python_int(value: Any, at_least: int) -> None:
    found = _checks.check_integer("n", value, at_least=at_least)
    assert (type(found), found) == (int, 3)


@pytest.mark.parametrize(("value", "at_least"), [(0, 1), (-1, 0), (np.int64(-5), 0), (2, 3)])
def test_integers_that_are_too_small_are_refused(value: Any, at_least: int) -> None:
    with pytest.raises(ValueError, match=f"^`n` must be {at_least} or greater; got ") as caught:
        _checks.check_integer("n", value, at_least=at_least)
    assert str(caught.value).endswith(repr(value))


@pytest.mark.parametrize("value", [True, np.True_, 1.0, np.float32(1.0), "1", None, np.array(1), 1j], ids=repr)
def test_values_other_than_integers_are_refused(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        _checks.check_integer("n", value, at_least=0)
    assert str(caught.value) == f"`n` must be an integer; got {value!r} ({type(value).__name__})"


@pytest.mark.parametrize("value", ["relu", "tanh"])
def test_one_of_the_names_passes(value: str) -> None:
    assert _checks.check_one_of("activation", value, ("relu", "tanh")) == value


@pytest.mark.parametrize("value", ["", "Relu", "relu ", "sigmoid"])
def test_other_names_are_refused_with_those_that_are_allowed(value: str) -> None:
    with pytest.raises(ValueError, match=f"^`activation` must be one of 'relu', 'tanh'; got {value!r}$"):
        _checks.check_one_of("activation", value, ("relu", "tanh"))


@pytest.mark.parametrize("value", [None, 1, ["relu"], b"relu"])
def test_values_other_than_names_are_refused(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        _checks.check_one_of("activation", value, ("relu", "tanh"))
    assert str(caught.value) == (f"`activation` must be one of 'relu', 'tanh'; got {value!r} ({type(value).__name__})")


def test_missing_extra_names_the_command_that_installs_it() -> None:
    error = _checks.missing_extra_error("plotting", "matplotlib", "plot")
    assert type(error) is ImportError
    assert str(error) == 'plotting needs matplotlib, which is not installed: pip install "cutedl_xp[plot]"'


def test_a_value_is_shown_on_one_short_line_and_an_array_without_its_entries() -> None:
    assert _checks.format_value(np.zeros((40, 40))) == "an array of dtype float64 and shape (40, 40) (ndarray)"
    assert _checks.format_value("a\nb") == "'a\\nb' (str)"
    long = _checks.format_value([[number] for number in range(5000)])
    assert "\n" not in long
    assert len(long) < 250
