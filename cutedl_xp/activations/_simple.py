"""Activation functions whose derivatives are formulas of their outputs."""

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace


def linear(xp: Namespace, x: Array) -> Array:
    """Return y = x.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import linear
    >>> linear(np, np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """
    return x


def linear_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy.

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`linear`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import linear_backward
    >>> linear_backward(np, np.array([-1.0, 2.0]), np.array([1.0, 1.0]))
    array([1., 1.])
    """
    return gradient


def relu(xp: Namespace, x: Array) -> Array:
    """Return y = max(x, 0); NaN stays NaN.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import relu
    >>> relu(np, np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return xp.maximum(x, 0.0)


def relu_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy where y > 0, else 0, also at x = 0.

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`relu`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import relu_backward
    >>> relu_backward(np, np.array([0.0, 2.0]), np.array([3.0, 3.0]))
    array([0., 3.])
    """
    return xp.where(y > 0, gradient, 0.0)


def sigmoid(xp: Namespace, x: Array) -> Array:
    """Return y = 1 / (1 + exp(-x)).

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import sigmoid
    >>> np.round(sigmoid(np, np.array([-100.0, 0.0, 100.0])), 3)
    array([0. , 0.5, 1. ])
    """
    return _numerics.sigmoid(xp, x)


def sigmoid_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy y (1 - y).

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`sigmoid`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import sigmoid_backward
    >>> sigmoid_backward(np, np.array([0.5, 1.0]), np.array([1.0, 1.0]))
    array([0.25, 0.  ])
    """
    return gradient * y * (1.0 - y)


def tanh(xp: Namespace, x: Array) -> Array:
    """Return y = tanh(x).

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import tanh
    >>> tanh(np, np.array([-100.0, 0.0, 100.0]))
    array([-1.,  0.,  1.])
    """
    return xp.tanh(x)


def tanh_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy (1 - y²).

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`tanh`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import tanh_backward
    >>> tanh_backward(np, np.array([0.0, 0.5]), np.array([1.0, 1.0]))
    array([1.  , 0.75])
    """
    return gradient * (1.0 - y * y)
