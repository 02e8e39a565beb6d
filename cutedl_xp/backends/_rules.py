"""Functions that work entry by entry, those of optimizers among them."""

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeAlias

from cutedl_xp._typing import Array, Namespace

Elementwise: TypeAlias = Callable[..., Any]
"""``function(xp, *arrays, *numbers)`` works entry by entry, changes nothing, and returns one array or several."""

Rule: TypeAlias = Callable[..., tuple[Array, ...]]
"""``rule(xp, w, g, *state, *scalars)`` returns the new ``(w, *state)``; see :mod:`cutedl_xp.optimizers`."""


def add_decay(w: Array, g: Array, decay: float) -> Array:
    """The gradient of the loss with ``decay / 2`` times the sum of squared weights added to it."""
    return g + decay * w


def with_decay(rule: Rule, decays: bool) -> Callable[..., tuple[Array, ...]]:
    """A rule that takes the weight decay as its last argument, and adds it to the gradient if there is any."""

    def decaying(xp: Namespace, w: Array, g: Array, *rest: Any) -> tuple[Array, ...]:
        *rest_of_rule, decay = rest
        return rule(xp, w, add_decay(w, g, decay) if decays else g, *rest_of_rule)

    return decaying


def is_lasting(function: Callable[..., Any]) -> bool:
    """Whether a function is one of a module, the same object for as long as the program: then compiling it pays."""
    return isinstance(function, FunctionType) and not function.__closure__ and "<" not in function.__qualname__


def rule_outputs(arrays: Sequence[Array]) -> tuple[Array, ...]:
    """Those of a rule's arrays that it renews: all but the gradient."""
    return (arrays[0], *arrays[2:])
