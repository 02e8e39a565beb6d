"""Cross-entropy of two classes."""

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Backend
from cutedl_xp.losses._crossentropy import SMALLEST, Crossentropy
from cutedl_xp.losses._elementwise import ElementwiseLoss, Formula


class BinaryCrossentropy(ElementwiseLoss, Crossentropy):
    """Binary cross-entropy: the mean of -(y log p + (1 - y) log(1 - p)) over all entries.

    Parameters
    ----------
    from_logits
        Whether ``y_pred`` holds logits z, with p = sigmoid(z), or probabilities p. The loss of logits is computed as
        log(1 + exp(z)) - z y, without overflow, and its gradient as (p - y) / entries. A logit of -inf or inf has the
        loss 0 if y is 0 or 1, respectively. Probabilities are kept within [1e-7, 1 - 1e-7]. The default is True.
    label_smoothing
        Part s of each label that is spread over the classes: y becomes y (1 - s) + s / 2. s is at least
        0 and below 1. The default is 0.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Notes
    -----
    ``y_true`` y has the shape of ``y_pred`` and lies in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import BinaryCrossentropy
    >>> value, gradient = BinaryCrossentropy()(np.array([1.0, 0.0]), np.array([1000.0, 0.0]))
    >>> round(float(value), 4), gradient.tolist()
    (0.3466, [0.0, 0.25])
    """

    compilable = True

    def _formulas(self) -> tuple[Formula, Formula]:
        if self.from_logits:
            return _binary_of_logits, _terms_of_logits
        return _binary_of_probabilities, _terms_of_probabilities

    def _labels(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        return self.labels(backend, y_true, y_pred, 2)


def _binary_of_logits(xp: Namespace, y: Array, z: Array, scale: float) -> tuple[Array, Array]:
    return _terms_of_logits(xp, y, z), (_numerics.sigmoid(xp, z) - y) * scale


def _binary_of_probabilities(xp: Namespace, y: Array, p: Array, scale: float) -> tuple[Array, Array]:
    p = _clip(xp, p)
    return _negative_log_likelihood(xp, y, p), (p - y) / (p * (1.0 - p)) * scale


def _terms_of_logits(xp: Namespace, y: Array, z: Array) -> Array:
    return _numerics.softplus_minus_product(xp, z, y)


def _terms_of_probabilities(xp: Namespace, y: Array, p: Array) -> Array:
    return _negative_log_likelihood(xp, y, _clip(xp, p))


def _clip(xp: Namespace, p: Array) -> Array:
    return xp.minimum(xp.maximum(p, SMALLEST), 1.0 - SMALLEST)


def _negative_log_likelihood(xp: Namespace, y: Array, p: Array) -> Array:
    return -(y * xp.log(p) + (1.0 - y) * xp.log1p(-p))
