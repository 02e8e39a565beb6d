"""Compiled programs of a session."""

from collections.abc import Callable, Hashable, Sequence
from types import FunctionType
from typing import Any

from cutedl_xp._compilable import is_own
from cutedl_xp.backends import StepFunction
from cutedl_xp.model import Model

_MOST_KEPT = 16


class Programs:
    """Step functions by their keys, so that each is compiled once in a session.

    Attributes
    ----------
    memory
        Arrays by name that the steps use in every training, as compiled programs may store their addresses.
    """

    def __init__(self) -> None:
        self.memory: dict[str, Any] = {}
        self._kept: list[tuple[Any, StepFunction]] = []

    def get(self, key: Any, make: Callable[[], StepFunction]) -> StepFunction:
        """Return the step function of ``key``, compared with ``==``; call ``make`` for a new key."""
        for kept, function in self._kept:
            if kept == key:
                return function
        self._kept = [*self._kept[1 - _MOST_KEPT :], (key, make())]
        return self._kept[-1][1]

    def __reduce__(self) -> tuple[type["Programs"], tuple[()]]:
        """Copy and pickle an empty object, as the programs hold the model of the session."""
        return Programs, ()


def key_of(part: Any) -> Any:
    """Return the entry of ``part``, a loss, a regularizer or a metric, in the key of a program."""
    if isinstance(part, FunctionType):
        return part
    options = vars(part) if hasattr(part, "__dict__") else {}
    plain = tuple((name, value) for name, value in options.items() if isinstance(value, (bool, int, float, str)))
    return (type(part) if is_own(part) else part), plain


def make_key(model: Model, parts: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
    """Return a key of everything that a program of a model depends on, to compare with ``==``.

    Parameters
    ----------
    model
        Model of the session.
    parts
        Loss, regularizers and metrics.
    *rest
        Other values.
    """
    return (describe_layers(model), tuple(map(key_of, parts)), *rest)


def describe_layers(model: Model) -> tuple[Any, ...]:
    """Return the classes and options of the layers of ``model``, to compare with ``==``."""
    return tuple((type(layer), tuple(layer.config().items())) for layer in model.layers)


def signature_of(model: Model, parts: Sequence[Any], key: Hashable) -> Hashable:
    """Return the key if equal keys mean equal programs in all sessions, else None.

    Parameters
    ----------
    model
        Model of the session.
    parts
        Other objects that the program calls.
    key
        Result of :func:`make_key`.
    """
    return key if all(map(is_own, (*model.layers, *parts))) else None
