"""Huber loss."""

from dataclasses import dataclass

from cutedl_xp._checks import check_positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.losses._elementwise import ElementwiseLoss, Formula


@dataclass(frozen=True)
class Huber(ElementwiseLoss):
    """Huber loss: the mean over all entries of r² / 2 where abs(r) <= delta, else delta (abs(r) - delta / 2).

    r = p - y is the residual; the gradient is r within [-delta, delta], divided by the number of entries. ``y_true`` y
    and ``y_pred`` p have the same shape.

    Parameters
    ----------
    delta
        Size of the residual above which the loss is linear, greater than 0. The default is 1.

    Raises
    ------
    TypeError, ValueError
        If ``delta`` is not a number greater than 0.

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

    def _formulas(self) -> tuple[Formula, Formula]:
        return _terms_and_gradient, _terms

    def _options(self) -> tuple[float, ...]:
        return (self.delta,)


def _terms_and_gradient(xp: Namespace, y: Array, p: Array, delta: float, scale: float) -> tuple[Array, Array]:
    residual = p - y
    return _terms(xp, y, p, delta), xp.maximum(xp.minimum(residual, delta), -delta) * scale


def _terms(xp: Namespace, y: Array, p: Array, delta: float) -> Array:
    size = xp.abs(p - y)
    inner = xp.minimum(size, delta)
    return inner * (size - inner * 0.5)
