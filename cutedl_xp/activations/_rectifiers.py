"""Activation functions related to relu, each with its derivative."""

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace


def leaky_relu(xp: Namespace, x: Array) -> Array:
    """Return y = x where x > 0, else 0.01 x."""
    return xp.where(x > 0, x, x * 0.01)


def leaky_relu_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy where y > 0, else 0.01 dL/dy."""
    return xp.where(y > 0, gradient, gradient * 0.01)


def elu(xp: Namespace, x: Array) -> Array:
    """Return y = x where x > 0, else exp(x) - 1."""
    return xp.where(x > 0, x, xp.expm1(xp.minimum(x, 0.0)))


def elu_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy where y > 0, else dL/dy (y + 1)."""
    return xp.where(y > 0, gradient, gradient * (y + 1.0))


def softplus(xp: Namespace, x: Array) -> Array:
    """Return y = log(1 + exp(x)), without overflow."""
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def softplus_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy (1 - exp(-y)), which is dL/dy sigmoid(x)."""
    return gradient * -xp.expm1(-y)


def silu(xp: Namespace, x: Array) -> Array:
    """Return y = x sigmoid(x), also called swish."""
    return x * _numerics.sigmoid(xp, x)


def silu_backward(xp: Namespace, x: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy s (1 + x (1 - s)) with s = sigmoid(x)."""
    s = _numerics.sigmoid(xp, x)
    return gradient * s * (x * (1.0 - s) + 1.0)


def gelu(xp: Namespace, x: Array) -> Array:
    """Return y = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, an approximation of x Φ(x).

    The array API has no error function. The error of the approximation is below 0.0005.
    """
    return 0.5 * x * (_gelu_tanh(xp, _bounded(xp, x)) + 1.0)


def gelu_backward(xp: Namespace, x: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy (1 + t + x (1 - t²) √(2/π) (1 + 0.134145 x²)) / 2 with the tanh t of :func:`gelu`."""
    bounded = _bounded(xp, x)
    t = _gelu_tanh(xp, bounded)
    slope = (bounded * bounded * 0.134145 + 1.0) * 0.7978845608028654
    return gradient * 0.5 * (bounded * (1.0 - t * t) * slope + t + 1.0)


def _bounded(xp: Namespace, x: Array) -> Array:
    """Return x within [-10, 10], beyond which the tanh of gelu is -1 or 1 and a power of x might overflow."""
    return xp.minimum(xp.maximum(x, -10.0), 10.0)


def _gelu_tanh(xp: Namespace, x: Array) -> Array:
    return xp.tanh((x * x * 0.044715 + 1.0) * x * 0.7978845608028654)
