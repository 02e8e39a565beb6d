"""Activation functions related to relu, each with its derivative."""

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace


def leaky_relu(xp: Namespace, x: Array) -> Array:
    """Return y = x where x > 0, else 0.01 x.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import leaky_relu
    >>> leaky_relu(np, np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    return xp.where(x > 0, x, x * 0.01)


def leaky_relu_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy where y > 0, else 0.01 dL/dy.

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`leaky_relu`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import leaky_relu_backward
    >>> leaky_relu_backward(np, np.array([-0.01, 2.0]), np.array([3.0, 3.0]))
    array([0.03, 3.  ])
    """
    return xp.where(y > 0, gradient, gradient * 0.01)


def elu(xp: Namespace, x: Array) -> Array:
    """Return y = x where x > 0, else exp(x) - 1.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import elu
    >>> np.round(elu(np, np.array([-1.0, 2.0])), 3)
    array([-0.632,  2.   ])
    """
    return xp.where(x > 0, x, xp.expm1(xp.minimum(x, 0.0)))


def elu_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy where y > 0, else dL/dy (y + 1).

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`elu`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import elu_backward
    >>> elu_backward(np, np.array([-0.75, 2.0]), np.array([1.0, 1.0]))
    array([0.25, 1.  ])
    """
    return xp.where(y > 0, gradient, gradient * (y + 1.0))


def softplus(xp: Namespace, x: Array) -> Array:
    """Return y = log(1 + exp(x)), without overflow.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import softplus
    >>> np.round(softplus(np, np.array([-1000.0, 0.0])), 3)
    array([0.   , 0.693])
    """
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def softplus_backward(xp: Namespace, y: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy (1 - exp(-y)), which is dL/dy sigmoid(x).

    Parameters
    ----------
    xp
        Array API namespace of ``y``.
    y
        Output of :func:`softplus`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import softplus_backward
    >>> softplus_backward(np, np.array([0.0, 1000.0]), np.array([1.0, 1.0]))
    array([0., 1.])
    """
    return gradient * -xp.expm1(-y)


def silu(xp: Namespace, x: Array) -> Array:
    """Return y = x sigmoid(x), also called swish.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import silu
    >>> np.round(silu(np, np.array([0.0, 2.0])), 3)
    array([0.   , 1.762])
    """
    return x * _numerics.sigmoid(xp, x)


def silu_backward(xp: Namespace, x: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy s (1 + x (1 - s)) with s = sigmoid(x).

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input of :func:`silu`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import silu_backward
    >>> np.round(silu_backward(np, np.array([0.0, 2.0]), np.array([1.0, 1.0])), 3)
    array([0.5  , 1.091])
    """
    s = _numerics.sigmoid(xp, x)
    return gradient * s * (x * (1.0 - s) + 1.0)


def gelu(xp: Namespace, x: Array) -> Array:
    """Return y = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, an approximation of x Φ(x).

    The array API has no error function. The error of the approximation is below 0.0005.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input, a float array of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import gelu
    >>> np.round(gelu(np, np.array([-1.0, 2.0])), 3)
    array([-0.159,  1.955])
    """
    return 0.5 * x * (_gelu_tanh(xp, _bounded(xp, x)) + 1.0)


def gelu_backward(xp: Namespace, x: Array, gradient: Array) -> Array:
    """Return dL/dx = dL/dy (1 + t + x (1 - t²) √(2/π) (1 + 0.134145 x²)) / 2 with the tanh t of :func:`gelu`.

    Parameters
    ----------
    xp
        Array API namespace of ``x``.
    x
        Input of :func:`gelu`, a float array of any shape.
    gradient
        Gradient dL/dy, of the shape and dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.activations import gelu_backward
    >>> np.round(gelu_backward(np, np.array([0.0, 2.0]), np.array([1.0, 1.0])), 3)
    array([0.5  , 1.086])
    """
    bounded = _bounded(xp, x)
    t = _gelu_tanh(xp, bounded)
    slope = (bounded * bounded * 0.134145 + 1.0) * 0.7978845608028654
    return gradient * 0.5 * (bounded * (1.0 - t * t) * slope + t + 1.0)


def _bounded(xp: Namespace, x: Array) -> Array:
    """Return x within [-10, 10], beyond which the tanh of gelu is -1 or 1 and a power of x might overflow."""
    return xp.minimum(xp.maximum(x, -10.0), 10.0)


def _gelu_tanh(xp: Namespace, x: Array) -> Array:
    return xp.tanh((x * x * 0.044715 + 1.0) * x * 0.7978845608028654)
