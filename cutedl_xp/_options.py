"""Attributes with checked assignments."""

from collections.abc import Callable
from typing import Any


class Option:
    """Attribute with a check at each assignment, during construction and later.

    Without a ``__get__``, Python reads the value from the object's dict, so that reading runs no code.

    Parameters
    ----------
    check
        Function of the attribute's name and a value that returns the value to store, or raises.
    """

    def __init__(self, check: Callable[[str, Any], Any]) -> None:
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = self._check(self._name, value)


class Constant:
    """Attribute that only the constructor assigns."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, instance: Any, value: Any) -> None:
        if self._name in vars(instance):
            kind = type(instance).__name__
            raise AttributeError(f"`{self._name}` of {kind} cannot be assigned; make a new {kind}")
        vars(instance)[self._name] = value


def option(check: Callable[[str, Any], Any]) -> Any:
    """Return an :class:`Option`, typed for an attribute that is annotated with the type of its values."""
    return Option(check)


def constant() -> Any:
    """Return a :class:`Constant`, typed for an attribute that is annotated with the type of its value."""
    return Constant()
