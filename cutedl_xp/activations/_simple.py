"""Activation functions whose derivatives are short formulas of their outputs."""

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace


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
