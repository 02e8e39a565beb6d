"""What a schedule is, and what all of them share."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, TypeAlias

from array_api_compat import array_namespace, is_array_api_obj

from cutedl_xp._checks import not_negative, positive

Schedule: TypeAlias = Callable[[Any], Any]
"""``schedule(update)`` is the learning rate after so many updates."""


def rate(argument: str, value: Any) -> float | Schedule:
    """``value`` as what an optimizer keeps: a float above 0, or a schedule."""
    return value if callable(value) else positive(argument, value)


def scheduled(argument: str, schedule: Schedule, update: Any) -> Any:
    """What a schedule says of an update, as a float of at least 0; while it is traced, an array."""
    value = schedule(update)
    if is_array_api_obj(value) and not isinstance(value, Real):
        if not isinstance(update, int):
            return value
        value = float(value)  # so that a 0-d array does not promote parameters
    return not_negative(f"{argument}({update})", value)


class _Numbers:
    """What the schedules need of a namespace, for Python numbers."""

    cos = math.cos
    floor = math.floor
    log = math.log
    minimum = min

    @staticmethod
    def where(condition: bool, x: float, y: float) -> float:
        return x if condition else y


def functions_for(update: Any) -> Any:
    return array_namespace(update) if is_array_api_obj(update) else _Numbers


def fraction_of(update: Any, updates: int) -> Any:
    """How much of a number of updates is done, from 0 to 1."""
    return functions_for(update).minimum(update, updates) / updates


def at_least_0(number: Any) -> Any:
    return functions_for(number).where(number > 0, number, 0)
