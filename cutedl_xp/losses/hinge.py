"""Hinge loss."""

from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.losses._elementwise import ElementwiseLoss, Formula


class Hinge(ElementwiseLoss):
    """Hinge loss of two classes: the mean of max(0, 1 - s p) over all entries; gradient -s / entries where s p < 1.

    The sign s is 1 for a label above 0, else -1, so that labels are -1 and 1, or 0 and 1. ``y_true`` and ``y_pred`` p
    have the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import Hinge
    >>> value, gradient = Hinge()(np.array([1.0, -1.0]), np.array([3.0, 0.5]))
    >>> float(value), gradient.tolist()
    (0.75, [0.0, 0.5])
    """

    compilable = True

    def _formulas(self) -> tuple[Formula, Formula]:
        return _terms_and_gradient, _terms

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return -1.0, 1.0


def _terms_and_gradient(xp: Namespace, y: Array, p: Array, scale: float) -> tuple[Array, Array]:
    terms = _terms(xp, y, p)
    return terms, xp.where(terms > 0, xp.where(y > 0, p * 0.0 - 1.0, p * 0.0 + 1.0), 0.0) * scale


def _terms(xp: Namespace, y: Array, p: Array) -> Array:
    return xp.maximum(1.0 - xp.where(y > 0, p, -p), 0.0)
