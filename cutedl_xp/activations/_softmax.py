"""The softmax, a function of rows."""

from cutedl_xp._typing import Array, Namespace


def softmax(xp: Namespace, x: Array) -> Array:
    """Return y = exp(x) / sum(exp(x)) over the last axis, without overflow."""
    exponentials = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return exponentials / xp.sum(exponentials, axis=-1, keepdims=True)


def softmax_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = y (dL/dy - sum(y dL/dy))."""
    return y * (gradient - xp.sum(y * gradient, axis=-1, keepdims=True))
