"""Elementwise functions, such as the rules of optimizers."""

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeAlias

from cutedl_xp._typing import Array, Namespace

Elementwise: TypeAlias = Callable[..., Any]
"""Elementwise and pure ``function(xp, *arrays, *numbers)`` that returns an array or a tuple of arrays."""

Rule: TypeAlias = Callable[..., tuple[Array, ...]]
"""``rule(xp, w, g, *state, *scalars)`` returns the new ``(w, *state)``; see :mod:`cutedl_xp.optimizers`."""


def add_decay(w: Array, g: Array, decay: float) -> Array:
    """Return the gradient of the loss plus ``decay / 2`` times the sum of squared weights."""
    return g + decay * w


def with_decay(rule: Rule, decays: bool) -> Callable[..., tuple[Array, ...]]:
    """Return a rule with the weight decay as its last argument, which it adds to the gradient if ``decays`` is True."""

    def decaying(xp: Namespace, w: Array, g: Array, *rest: Any) -> tuple[Array, ...]:
        *rest_of_rule, decay = rest
        return rule(xp, w, add_decay(w, g, decay) if decays else g, *rest_of_rule)

    return decaying


def is_module_level(function: Callable[..., Any]) -> bool:
    """Return whether a function is defined at the top of a module or class.

    Backends compile and keep only such functions. The program keeps them anyway; keeping a closure or lambda would
    also keep the arrays that it refers to.

    Parameters
    ----------
    function
        Any callable.

    Examples
    --------
    >>> from cutedl_xp.activations import relu
    >>> from cutedl_xp.backends import is_module_level
    >>> is_module_level(relu), is_module_level(lambda xp, x: x)
    (True, False)
    """
    return isinstance(function, FunctionType) and not function.__closure__ and "<" not in function.__qualname__


def rule_outputs(arrays: Sequence[Array]) -> tuple[Array, ...]:
    """Return the arrays that a rule replaces: all but the gradient."""
    return (arrays[0], *arrays[2:])
