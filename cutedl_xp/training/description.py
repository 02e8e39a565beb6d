"""Descriptions of optimizers, losses and other objects as plain values, from which equal objects can be made."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from types import FunctionType
from typing import Any, TypeAlias

from cutedl_xp import activations, layers, losses, metrics, optimizers, regularizers, schedules
from cutedl_xp._checks import check_sequence, format_reason, format_value
from cutedl_xp.backends import is_module_level
from cutedl_xp.layers import Layer
from cutedl_xp.losses import Loss
from cutedl_xp.metrics import Metric
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer

Known: TypeAlias = Mapping[str, Any]
"""Classes and functions that a description may name, by their names from :func:`_name_of`."""

_CLASS, _FUNCTION = "$class", "$function"


def _is_nameable(value: Any) -> bool:
    return isinstance(value, type) or (isinstance(value, FunctionType) and is_module_level(value))


_KINDS = (Layer, Loss, Metric, Optimizer, Regularizer)


def _own_classes() -> Iterator[type]:
    for module in (layers, losses, metrics, optimizers, regularizers, schedules):
        for each in vars(module).values():
            is_class = isinstance(each, type) and not inspect.isabstract(each)
            if is_class and (module is schedules or issubclass(each, _KINDS)):
                yield each


OWN: Known = {
    **{each.__name__: each for each in _own_classes()},
    **{each.__name__: each for each in (metrics.accuracy, metrics.binary_accuracy)},
    "activations.Activation": activations.Activation,  # `Activation` is the layer
}
"""Classes and functions of the library that a description may name."""

_OWN_NAMES = {each: name for name, each in OWN.items()}


def known_with(custom: Any) -> Known:
    """Return the classes and functions of the library together with the user's own, ``custom``.

    Raises
    ------
    TypeError
        If ``custom`` is no list of classes and of functions at the top of a module.
    """
    for each in check_sequence("custom", custom):
        if not _is_nameable(each):
            raise TypeError(
                f"`custom` must be a list of classes, and of functions defined at the top of a module; "
                f"got {format_value(each)}"
            )
    return {**OWN, **{_name_of(each): each for each in custom}}


def _name_of(nameable: Any) -> str:
    """Return the name of a class or function in a description; a prefix tells a user's names from the library's."""
    return _OWN_NAMES.get(nameable, f"custom:{nameable.__name__}")


def describe(name: str, value: Any) -> Any:
    """Return a description of a value: plain values unchanged, and objects by their classes and options.

    The options of an object are the arguments of its constructor, each of which must be an attribute. The options of a
    layer are the result of ``config()``. The object is made again from its description, to check that the result is
    equal.

    Parameters
    ----------
    name
        Name of the value in an error.
    value
        Value to describe.

    Raises
    ------
    TypeError
        If no description of the value is possible.
    """
    used: dict[str, Any] = {}
    try:
        described = _describe(name, value, used)
        again = _describe(name, rebuild(described, used), {})
    except RecursionError as error:
        raise TypeError(f"`{name}` contains itself, which a file cannot describe") from error
    except Exception as error:
        if isinstance(error, TypeError) and str(error).startswith("`"):
            raise
        raise TypeError(f"`{name}` cannot be made again from its options: {format_reason(error)}") from error
    if again != described:
        raise TypeError(
            f"`{name}` is {format_value(value)}, and made again from its options it is another object; each attribute "
            "must have the value that was given to the constructor"
        )
    return described


def _describe(name: str, value: Any, used: dict[str, Any]) -> Any:
    """Return a description, and add the classes and functions that it names to ``used``."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Real):  # a number of NumPy
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, list | tuple):
        return [_describe(f"{name}[{place}]", each, used) for place, each in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) and key[:1] != "$" for key in value):
        return {key: _describe(f"{name}[{key!r}]", each, used) for key, each in value.items()}
    if isinstance(value, FunctionType):
        _check_function(name, value)
        used[_name_of(value)] = value
        return {_FUNCTION: _name_of(value)}
    options = value.config() if isinstance(value, Layer) else _options(name, value)
    described = {key: _describe(f"{name}.{key}", each, used) for key, each in options.items()}
    used[_name_of(type(value))] = type(value)
    return {_CLASS: _name_of(type(value)), "options": described}


def rebuild(described: Any, known: Known) -> Any:
    """Return a value equal to the one that :func:`describe` has described.

    Parameters
    ----------
    described
        Description.
    known
        Classes and functions that it may name.

    Raises
    ------
    KeyError, TypeError, ValueError
        If ``described`` is no description, or names an unknown class or function.
    """
    if isinstance(described, list):
        return [rebuild(each, known) for each in described]
    if not isinstance(described, dict):
        return described
    if _FUNCTION in described:
        return _find(described[_FUNCTION], known, FunctionType)
    if _CLASS not in described:
        return {key: rebuild(each, known) for key, each in described.items()}
    options = {key: rebuild(each, known) for key, each in described["options"].items()}
    return _find(described[_CLASS], known, type)(**options)


def _find(name: Any, known: Known, kind: type) -> Any:
    found = known.get(name) if isinstance(name, str) else None
    if not isinstance(found, kind):
        what = "class" if kind is type else "function"
        own_name = str(name).removeprefix("custom:")
        raise ValueError(f"the {what} {own_name!r} is not one of the library's; give it in `custom`")
    return found


def _check_function(name: str, function: Callable[..., Any]) -> None:
    if not is_module_level(function) or function.__qualname__ != function.__name__:
        raise TypeError(
            f"`{name}` is {function.__qualname__}, which a file cannot describe; use a function defined at the top of "
            "a module without a decorator, one of cutedl_xp.schedules, or a class that has its options as attributes"
        )


def _options(name: str, value: Any) -> dict[str, Any]:
    """Return the arguments with which the constructor makes an equal object."""
    kind = type(value)
    is_plain = isinstance(value, type) or kind.__module__.partition(".")[0] in ("builtins", "functools", "numpy")
    if is_plain or kind.__qualname__ != kind.__name__:
        raise TypeError(
            f"`{name}` is {format_value(value)}, which a file cannot describe; use numbers, texts, lists, dicts with "
            "texts as keys, and objects of classes defined at the top of a module"
        )
    found = {}
    for option, named in _option_names(value).items():
        if not (named and hasattr(value, option)):
            raise TypeError(
                f"`{name}` is {format_value(value)}, which a file cannot describe: its class needs an attribute "
                f"{option!r} for the argument of its constructor"
            )
        found[option] = getattr(value, option)
    return found


def _option_names(value: Any) -> dict[str, bool]:
    """Return the names of the arguments of a constructor, and whether each can be given by its name."""
    if is_dataclass(value):
        return {each.name: True for each in fields(value) if each.init}
    by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return {each.name: each.kind in by_name for each in inspect.signature(type(value)).parameters.values()}
