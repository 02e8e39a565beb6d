"""The mean squared error."""

from math import prod

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Backend
from cutedl_xp.losses._loss import Loss, weigh


class Mse(Loss):
    """Mean squared error: the mean of (p - y)² over all entries; gradient 2 (p - y) / entries.

    ``y_true`` y and ``y_pred`` p have the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import Mse
    >>> value, gradient = Mse()(np.array([[0.0, 1.0]]), np.array([[2.0, 1.0]]))
    >>> float(value), gradient.tolist()
    (2.0, [[2.0, 0.0]])
    """

    compilable = True

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        squares, gradient = backend.elementwise(_squares_and_gradient, y_true, y_pred, 2.0 * scale)
        return backend.sum(squares) * scale, gradient

    def weighted_value_and_gradient(
        self, backend: Backend, y_true: Array, y_pred: Array, share: Array
    ) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape[1:]), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        squares, gradient = backend.elementwise(_squares_and_gradient, y_true, y_pred, 2.0 * scale)
        total, gradient = weigh(backend, squares, gradient, share)
        return total * scale, gradient

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        scale: float = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        return backend.sum(backend.elementwise(_squares, y_true, y_pred)) * scale


def _squares_and_gradient(xp: Namespace, y: Array, p: Array, factor: float) -> tuple[Array, Array]:
    difference = p - y
    return _square(difference), difference * factor


def _squares(xp: Namespace, y: Array, p: Array) -> Array:
    return _square(p - y)


def _square(difference: Array) -> Array:
    return difference * difference
