"""Activation functions whose derivatives are formulas of their outputs."""

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace


def linear(xp: Namespace, x: Array) -> Array:
    """Return y = x."""
    return x


def linear_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy."""
    return gradient


def relu(xp: Namespace, x: Array) -> Array:
    """Return y = max(x, 0); NaN stays NaN."""
    return xp.maximum(x, 0.0)


def relu_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy where y > 0, else 0, also at x = 0."""
    return xp.where(y > 0, gradient, 0.0)


def sigmoid(xp: Namespace, x: Array) -> Array:
    """Return y = 1 / (1 + exp(-x))."""
    return _numerics.sigmoid(xp, x)


def sigmoid_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy y (1 - y)."""
    return gradient * y * (1.0 - y)


def tanh(xp: Namespace, x: Array) -> Array:
    """Return y = tanh(x)."""
    return xp.tanh(x)


def tanh_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy (1 - y²)."""
    return gradient * (1.0 - y * y)
