"""Mean squared error."""

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.losses._elementwise import ElementwiseLoss, Formula


class Mse(ElementwiseLoss):
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

    def _formulas(self) -> tuple[Formula, Formula]:
        return _squares_and_gradient, _squares


def _squares_and_gradient(xp: Namespace, y: Array, p: Array, scale: float) -> tuple[Array, Array]:
    difference = p - y
    return _square(difference), difference * (2.0 * scale)


def _squares(xp: Namespace, y: Array, p: Array) -> Array:
    return _square(p - y)


def _square(difference: Array) -> Array:
    return difference * difference
