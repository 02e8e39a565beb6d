"""Attributes that are checked when they are assigned."""

from collections.abc import Callable
from typing import Any


class Option:
    """Attribute with a check, which runs at each assignment, at construction and later.

    Without a ``__get__``, Python reads the value from the object's dict, so that reading it runs no code.

    Parameters
    ----------
    check
        Function of the attribute's name and a value; it returns the value to keep, or raises.
    """

    def __init__(self, check: Callable[[str, Any], Any]) -> None:
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = self._check(self._name, value)


class Constant:
    """Attribute that is assigned once, by the constructor."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, instance: Any, value: Any) -> None:
        if self._name in vars(instance):
            kind = type(instance).__name__
            raise AttributeError(f"`{self._name}` of {kind} cannot be assigned; make a new {kind}")
        vars(instance)[self._name] = value


def option(check: Callable[[str, Any], Any]) -> Any:
    """Return an :class:`Option`, for an attribute that is annotated with the type of its values."""
    return Option(check)


def constant() -> Any:
    """Return a :class:`Constant`, for an attribute that is annotated with the type of its value."""
    return Constant()
