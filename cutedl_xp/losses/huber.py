"""The Huber loss."""

from dataclasses import dataclass
from math import prod

from cutedl_xp._checks import check_positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Backend
from cutedl_xp.losses._loss import Loss, weigh


@dataclass(frozen=True)
class Huber(Loss):
    """Huber loss: the mean over all entries of r² / 2 where abs(r) <= delta, else delta (abs(r) - delta / 2).

    r = p - y is the residual; the gradient is r within [-delta, delta], divided by the number of entries. ``y_true`` y
    and ``y_pred`` p have the same shape.

    Parameters
    ----------
    delta
        Residual from which on the loss is linear. The default is 1, and it is greater than 0.

    References
    ----------
    Huber, "Robust Estimation of a Location Parameter", 1964. PyTorch's ``HuberLoss`` and Keras' ``Huber`` are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import Huber
    >>> value, gradient = Huber()(np.array([0.0, 0.0]), np.array([0.5, -3.0]))
    >>> float(value), gradient.tolist()
    (1.3125, [0.25, -0.5])
    """

    compilable = True
    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", check_positive("delta", self.delta))

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        terms, gradient = backend.elementwise(_terms_and_gradient, y_true, y_pred, self.delta, scale)
        return backend.sum(terms) * scale, gradient

    def weighted_value_and_gradient(
        self, backend: Backend, y_true: Array, y_pred: Array, share: Array
    ) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape[1:]), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        terms, gradient = backend.elementwise(_terms_and_gradient, y_true, y_pred, self.delta, scale)
        total, gradient = weigh(backend, terms, gradient, share)
        return total * scale, gradient

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        scale: float = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        return backend.sum(backend.elementwise(_terms, y_true, y_pred, self.delta)) * scale


def _terms_and_gradient(xp: Namespace, y: Array, p: Array, delta: float, scale: float) -> tuple[Array, Array]:
    residual = p - y
    return _terms(xp, y, p, delta), xp.maximum(xp.minimum(residual, delta), -delta) * scale


def _terms(xp: Namespace, y: Array, p: Array, delta: float) -> Array:
    size = xp.abs(p - y)
    inner = xp.minimum(size, delta)
    return inner * (size - inner * 0.5)
