"""Errors for unknown names that give the names of this library."""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NoReturn

from cutedl_xp._familiar._names import NAMES, TEXTS


def raise_unknown(module: str, name: str) -> NoReturn:
    """Raise the error for a name that a module lacks; the message gives the equivalent of a known name.

    The error is an AttributeError, or an ImportError for ``from module import name`` with a name of another library,
    because Python would replace the text of an AttributeError.
    """
    if name not in NAMES:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    importing = sys._getframe(2).f_globals.get("__name__") == "importlib._bootstrap"
    error = ImportError if importing else AttributeError
    raise error(f"module {module!r} has no attribute {name!r}; use {NAMES[name]}")


def find_attribute(instance: object, name: str, remedies: Mapping[str, str]) -> Any:
    """Raise the AttributeError for an attribute that an object lacks; its ``__getattr__`` calls this.

    The message gives the equivalent in ``remedies``, if any.
    """
    if name in remedies:
        raise AttributeError(f"{type(instance).__name__} has no attribute {name!r}; use {remedies[name]}")
    return object.__getattribute__(instance, name)  # raises, also the AttributeError of a property


def check_assignment(instance: object, name: str, remedies: Mapping[str, str], *, strict: bool = False) -> None:
    """Raise an AttributeError for the assignment of an attribute that would be ignored; ``__setattr__`` calls this.

    Objects of classes outside of this library may have any attribute.

    Parameters
    ----------
    instance
        Object that gets the attribute.
    name
        Name of the attribute.
    remedies
        Equivalent in this library by name.
    strict
        Whether to raise for all public names that the class lacks; the default False raises for ``remedies`` alone.
    """
    kind = type(instance)
    if name.startswith("_") or not (strict or name in remedies):
        return
    if not kind.__module__.startswith("cutedl_xp.") or _declares(kind, name):
        return
    if name in remedies:
        raise AttributeError(f"{kind.__name__} has no attribute {name!r} to assign; use {remedies[name]}")
    if strict:
        named = [each for base in reversed(kind.__mro__) for each in vars(base).get("__annotations__", ())]
        public = [f"`{each}`" for each in dict.fromkeys(named) if not each.startswith("_") and each in vars(instance)]
        known = ", ".join(public) or "no options"
        raise AttributeError(f"{kind.__name__} has no attribute {name!r} to assign; it has {known}")


def _declares(kind: type, name: str) -> bool:
    return hasattr(kind, name) or any(name in vars(base).get("__annotations__", ()) for base in kind.__mro__)


def suggest_object(value: Any, module: ModuleType) -> str:
    """Return the end of an error that suggests an object for a text or a class, empty without a suggestion.

    Parameters
    ----------
    value
        Value that was received.
    module
        Public module of the classes.
    """
    text = value.__name__ if isinstance(value, type) else value
    if not isinstance(text, str):
        return ""
    plain = _plain(text)
    wanted = TEXTS.get(plain, text)
    classes = (name for name, each in vars(module).items() if isinstance(each, type))
    return next((f"; use {module.__name__}.{name}(...)" for name in classes if _plain(name) == _plain(wanted)), "")


def _plain(text: str) -> str:
    return text.lower().replace("_", "")
