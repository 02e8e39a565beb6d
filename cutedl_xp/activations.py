"""Activation functions, each beside its derivative, which is written in terms of the function's output."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from cutedl_xp import _numerics
from cutedl_xp._checks import check_one_of
from cutedl_xp._typing import Array, Namespace

Function: TypeAlias = Callable[[Namespace, Array], Array]
Derivative: TypeAlias = Callable[[Namespace, Array, Array], Array]


def linear(xp: Namespace, x: Array) -> Array:
    """y = x."""
    return x


def linear_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """dL/dx = dL/dy."""
    return gradient


def relu(xp: Namespace, x: Array) -> Array:
    """y = max(x, 0), and NaN where x is."""
    return xp.maximum(x, 0.0)


def relu_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """dL/dx = dL/dy where y > 0, else 0 (at x = 0 as well)."""
    return xp.where(y > 0, gradient, 0.0)


def sigmoid(xp: Namespace, x: Array) -> Array:
    """y = 1 / (1 + exp(-x))."""
    return _numerics.sigmoid(xp, x)


def sigmoid_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """dL/dx = dL/dy y (1 - y)."""
    return gradient * y * (1.0 - y)


def tanh(xp: Namespace, x: Array) -> Array:
    """y = tanh(x)."""
    return xp.tanh(x)


def tanh_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """dL/dx = dL/dy (1 - y²)."""
    return gradient * (1.0 - y * y)


@dataclass(frozen=True)
class Activation:
    """An elementwise function and its derivative.

    Attributes
    ----------
    function
        ``function(xp, x)`` returns y, of x's shape and dtype. It leaves x as it is.
    backward
        ``backward(xp, y, gradient)`` returns dL/dx from y and dL/dy.
    """

    function: Function
    backward: Derivative


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "linear": Activation(linear, linear_backward),
        "relu": Activation(relu, relu_backward),
        "sigmoid": Activation(sigmoid, sigmoid_backward),
        "tanh": Activation(tanh, tanh_backward),
    }
)


def get(name: str) -> Activation:
    """The activation of a name.

    Parameters
    ----------
    name
        ``"linear"``, ``"relu"``, ``"sigmoid"`` or ``"tanh"``.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp import activations
    >>> activations.get("relu").function(np, np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return ACTIVATIONS[check_one_of("activation", name, tuple(ACTIVATIONS))]
