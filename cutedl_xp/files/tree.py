"""Nested dicts and lists of plain values and arrays, encoded as JSON and named arrays.

JSON has no arrays, no NaN and no infinity, and long texts of numbers. Dicts with one key represent these values:
``{"$array": name}`` for an array, ``{"$floats": name}`` and ``{"$ints": name}`` for a long list of numbers,
``{"$number": "nan"}`` for a number that is not finite, and ``{"$dict": [[key, value], ...]}`` for a dict with a key
that is no string or begins with ``$``.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cutedl_xp._checks import format_value

_LONG = 32
"""Number of entries from which a list of numbers becomes an array, as a header is limited to 10 MB."""

_MARKS = ("$array", "$floats", "$ints", "$number", "$dict")
_LARGEST_INT = 2**63 - 1


def encode(tree: Any, name: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a tree as plain values that JSON can represent, and its arrays by name.

    Parameters
    ----------
    tree
        Nested dicts, lists and tuples (which become lists) of NumPy arrays, numbers, texts, booleans and None.
    name
        Name of the tree, and start of the names of its arrays.

    Raises
    ------
    TypeError
        If the tree contains other objects.
    """
    arrays: dict[str, np.ndarray] = {}
    return _encode(tree, name, arrays), arrays


def _encode(tree: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    if tree is None or isinstance(tree, bool | int | str):
        return tree
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else {"$number": repr(tree)}
    if isinstance(tree, np.ndarray):
        return {"$array": _keep(tree, name, arrays)}
    if isinstance(tree, list | tuple):
        for mark, kind, dtype in (("$floats", float, np.float64), ("$ints", int, np.int64)):
            if len(tree) >= _LONG and all(type(each) is kind for each in tree) and (kind is float or _fits(tree)):
                return {mark: _keep(np.array(tree, dtype), name, arrays)}
        return [_encode(each, f"{name}/{place}", arrays) for place, each in enumerate(tree)]
    if isinstance(tree, Mapping):
        if all(isinstance(key, str) and key[:1] != "$" for key in tree):
            return {key: _encode(each, f"{name}/{key}", arrays) for key, each in tree.items()}
        items = [[key, each] for key, each in tree.items()]
        return {"$dict": [_encode(item, f"{name}/{place}", arrays) for place, item in enumerate(items)]}
    raise TypeError(
        f"`{name}` must be a number, a text, a NumPy array, or a list or dict of them; got {format_value(tree)}"
    )


def _keep(array: np.ndarray, name: str, arrays: dict[str, np.ndarray]) -> str:
    """Add an array to ``arrays``, and return its name, with a number if equal names arise from slashes in keys."""
    number, free = 1, name
    while free in arrays:
        number, free = number + 1, f"{name}~{number + 1}"
    arrays[free] = array
    return free


def _fits(numbers: Any) -> bool:
    return bool(min(numbers) >= -_LARGEST_INT and max(numbers) <= _LARGEST_INT)


def decode(plain: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the tree that :func:`encode` has encoded.

    Parameters
    ----------
    plain, arrays
        Results of :func:`encode`.

    Raises
    ------
    KeyError, TypeError, ValueError
        If ``plain`` is no encoded tree.
    """
    if isinstance(plain, list):
        return [decode(each, arrays) for each in plain]
    if not isinstance(plain, dict):
        return plain
    mark = next(iter(plain), "")
    if len(plain) != 1 or mark not in _MARKS:
        return {key: decode(each, arrays) for key, each in plain.items()}
    value = plain[mark]
    if mark == "$dict":
        return {decode(key, arrays): decode(each, arrays) for key, each in value}
    if mark == "$number":
        return float(value)
    return arrays[value] if mark == "$array" else arrays[value].tolist()
