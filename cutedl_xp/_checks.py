"""Checks of arguments: each error names the argument, the allowed values and the received value."""

import inspect
import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

_LONGEST = 200
_MOST_NAMES = 12
_MOST_ENTRIES = 3


def format_value(value: Any) -> str:
    """Return a value with its type for an error message, on one short line, and arrays without their entries."""
    if isinstance(value, list | tuple) and any(map(_is_array, value)):
        entries = ", ".join([*map(format_value, value[:_MOST_ENTRIES]), *["..."] * (len(value) > _MOST_ENTRIES)])
        return f"[{entries}] ({type(value).__name__})"
    if _is_array(value):
        return f"an array of dtype {value.dtype} and shape {tuple(value.shape)} ({type(value).__name__})"
    text = " ".join(repr(value).split())
    return f"{text if len(text) <= _LONGEST else text[:_LONGEST] + '...'} ({type(value).__name__})"


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and getattr(value, "shape", ()) != ()


def format_names(names: Iterable[str]) -> str:
    """Return names for an error message, only the first of many."""
    every = [repr(name) for name in names]
    more = [f"{len(every) - _MOST_NAMES} more"] if len(every) > _MOST_NAMES else []
    return ", ".join([*every[:_MOST_NAMES], *more]) or "none"


def format_reason(error: BaseException) -> str:
    """Return the message of an error as a part of another message, on one line of limited length."""
    text = " ".join(str(error).split())
    return text if len(text) <= 2 * _LONGEST else text[: 2 * _LONGEST] + "..."


def why_not_callable_with(function: Any, count: int) -> str:
    """Return the signature of a function that does not take ``count`` positional arguments, else an empty text."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions of C have no signature
        return ""
    try:
        signature.bind(*range(count))
    except TypeError:
        return f"{getattr(function, '__name__', 'function')}{signature}"
    return ""


def check_real(argument: str, value: Any) -> float:
    """Return ``value`` as a finite Python float; a NumPy scalar would promote float32 arrays to its own dtype."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"`{argument}` must be a number; got {format_value(value)}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the largest float
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"`{argument}` must be finite; got {value!r}")
    return number


def check_positive(argument: str, value: Any) -> float:
    """Return ``value`` as a float above 0."""
    number = check_real(argument, value)
    if number <= 0.0:
        raise ValueError(f"`{argument}` must be greater than 0; got {value!r}")
    return number


def check_not_negative(argument: str, value: Any) -> float:
    """Return ``value`` as a float of at least 0."""
    number = check_real(argument, value)
    if number < 0.0:
        raise ValueError(f"`{argument}` must be 0 or greater; got {value!r}")
    return number


def check_fraction(argument: str, value: Any) -> float:
    """Return ``value`` as a float strictly between 0 and 1."""
    number = check_real(argument, value)
    if not 0.0 < number < 1.0:
        raise ValueError(f"`{argument}` must lie strictly between 0 and 1; got {value!r}")
    return number


def check_probability(argument: str, value: Any) -> float:
    """Return ``value`` as a float above 0 and at most 1."""
    number = check_real(argument, value)
    if not 0.0 < number <= 1.0:
        raise ValueError(f"`{argument}` must be greater than 0 and at most 1; got {value!r}")
    return number


def check_integer(argument: str, value: Any, *, at_least: int) -> int:
    """Return ``value`` as a Python int of at least ``at_least``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{argument}` must be an integer; got {format_value(value)}")
    number = int(value)
    if number < at_least:
        raise ValueError(f"`{argument}` must be {at_least} or greater; got {value!r}")
    return number


def check_boolean(argument: str, value: Any) -> bool:
    """Return ``value``, which must be True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"`{argument}` must be True or False; got {format_value(value)}")
    return value


def check_text(argument: str, value: Any) -> str:
    """Return ``value`` as a string that is not empty."""
    if not isinstance(value, str):
        raise TypeError(f"`{argument}` must be a string; got {format_value(value)}")
    if not value:
        raise ValueError(f"`{argument}` must not be empty")
    return value


def check_sequence(argument: str, value: Any) -> tuple[Any, ...]:
    """Return ``value``, a list, tuple or other sequence, as a tuple."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"`{argument}` must be a list or tuple; got {format_value(value)}")
    return tuple(value)


def check_one_of(argument: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return ``value``, which must be one of the names in ``allowed``."""
    names = ", ".join(repr(name) for name in allowed)
    if not isinstance(value, str):
        raise TypeError(f"`{argument}` must be one of {names}; got {format_value(value)}")
    if value not in allowed:
        raise ValueError(f"`{argument}` must be one of {names}; got {value!r}")
    return value


def missing_extra_error(purpose: str, package: str, extra: str) -> ImportError:
    """Return the error for an optional dependency that is not installed, with the command that installs it."""
    return ImportError(f'{purpose} needs {package}, which is not installed: pip install "cutedl_xp[{extra}]"')
