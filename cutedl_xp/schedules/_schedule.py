"""Type of schedules, and the functions that they share."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, TypeAlias

from array_api_compat import array_namespace, is_array_api_obj

from cutedl_xp._checks import check_not_negative, check_positive, format_value

Schedule: TypeAlias = Callable[[Any], Any]
"""Function ``schedule(update)`` that returns the learning rate after ``update`` earlier updates."""


def check_rate(argument: str, value: Any) -> float | Schedule:
    """Return a rate as a float greater than 0, or a schedule as it is."""
    if callable(value) and not isinstance(value, type):
        schedule: Schedule = value
        return schedule
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"`{argument}` must be a number, or a function of the updates made before; got {format_value(value)}"
        )
    return check_positive(argument, value)


def evaluate_schedule(argument: str, schedule: Schedule, update: Any) -> Any:
    """Return the rate of an update as a float of at least 0, or as an array under tracing."""
    value, name = schedule(update), f"{argument}({update})"
    if not is_array_api_obj(value) or isinstance(value, Real):
        return check_not_negative(name, value)
    if tuple(value.shape) != ():
        raise ValueError(f"`{name}` must be one number; got an array of shape {tuple(value.shape)}")
    try:
        return check_not_negative(name, float(value))  # a float, as an array could promote the parameters to its dtype
    except TypeError:  # under tracing
        return value


class _PythonNumbers:
    """Functions of an array namespace that schedules use, for Python numbers."""

    cos = math.cos
    floor = math.floor
    log = math.log
    minimum = min

    @staticmethod
    def where(condition: bool, x: float, y: float) -> float:
        return x if condition else y


def get_functions(update: Any) -> Any:
    """Return the namespace of the array ``update``, or functions of Python numbers."""
    return _PythonNumbers if isinstance(update, (int, float)) else array_namespace(update)


def compute_progress(update: Any, updates: int) -> Any:
    """Return the fraction of ``updates`` that is completed, from 0 to 1."""
    return get_functions(update).minimum(update, updates) / updates
