"""Softmax, a function of rows."""

from cutedl_xp._typing import Array, Namespace


def softmax(xp: Namespace, x: Array) -> Array:
    """Return y = exp(x) / sum(exp(x)) over the last axis, without overflow.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array with the classes on its last axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import softmax
    >>> softmax(np, np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    exponentials = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return exponentials / xp.sum(exponentials, axis=-1, keepdims=True)


def softmax_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = y (dL/dy - sum(y dL/dy)).

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`softmax`, a float array with the classes on its last axis.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import softmax_backward
    >>> softmax_backward(np, np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]]))
    array([[ 0.25, -0.25]])
    """
    return y * (gradient - xp.sum(y * gradient, axis=-1, keepdims=True))
