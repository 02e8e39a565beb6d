"""What a schedule is, and what all of them share."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, TypeAlias

from array_api_compat import array_namespace, is_array_api_obj

from cutedl_xp._checks import check_not_negative, check_positive, format_value

Schedule: TypeAlias = Callable[[Any], Any]
"""``schedule(update)`` is the learning rate after so many updates."""


def check_rate(argument: str, value: Any) -> float | Schedule:
    """``value`` as what an optimizer keeps: a float above 0, or a schedule."""
    if callable(value) and not isinstance(value, type):
        schedule: Schedule = value
        return schedule
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"`{argument}` must be a number, or a function of the updates made before; got {format_value(value)}"
        )
    return check_positive(argument, value)


def evaluate_schedule(argument: str, schedule: Schedule, update: Any) -> Any:
    """What a schedule says of an update, as a float of at least 0; while it is traced, an array."""
    value, name = schedule(update), f"{argument}({update})"
    if not is_array_api_obj(value) or isinstance(value, Real):
        return check_not_negative(name, value)
    if tuple(value.shape) != ():
        raise ValueError(f"`{name}` must be one number; got an array of shape {tuple(value.shape)}")
    try:
        return check_not_negative(name, float(value))  # a float, as an array of its own dtype would promote parameters
    except TypeError:  # it is traced
        return value


class _Numbers:
    """What the schedules need of a namespace, for Python numbers."""

    cos = math.cos
    floor = math.floor
    log = math.log
    minimum = min

    @staticmethod
    def where(condition: bool, x: float, y: float) -> float:
        return x if condition else y


def scalar_functions(update: Any) -> Any:
    return _Numbers if isinstance(update, (int, float)) else array_namespace(update)


def completed_fraction(update: Any, updates: int) -> Any:
    """How much of a number of updates is done, from 0 to 1."""
    return scalar_functions(update).minimum(update, updates) / updates
