"""The hinge loss."""

from math import prod

from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.losses._loss import Loss, weigh


class Hinge(Loss):
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

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        terms, gradient = backend.elementwise(_terms_and_gradient, y_true, y_pred, scale)
        return backend.sum(terms) * scale, gradient

    def weighted_value_and_gradient(
        self, backend: Backend, y_true: Array, y_pred: Array, share: Array
    ) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape[1:]), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        terms, gradient = backend.elementwise(_terms_and_gradient, y_true, y_pred, scale)
        total, gradient = weigh(backend, terms, gradient, share)
        return total * scale, gradient

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        scale: float = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        return backend.sum(backend.elementwise(_terms, y_true, y_pred)) * scale

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return -1.0, 1.0


def _terms_and_gradient(xp: Namespace, y: Array, p: Array, scale: float) -> tuple[Array, Array]:
    terms = _terms(xp, y, p)
    return terms, xp.where(terms > 0, xp.where(y > 0, p * 0.0 - 1.0, p * 0.0 + 1.0), 0.0) * scale


def _terms(xp: Namespace, y: Array, p: Array) -> Array:
    return xp.maximum(1.0 - xp.where(y > 0, p, -p), 0.0)
