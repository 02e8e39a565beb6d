"""Cross-entropy between distributions over classes."""

from math import prod

from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.losses._crossentropy import SMALLEST, Crossentropy


class CategoricalCrossentropy(Crossentropy):
    """Cross-entropy between distributions over classes: the mean over samples of -sum(y log p) over the last axis.

    Parameters
    ----------
    from_logits
        Whether ``y_pred`` holds logits z, with p = softmax(z), or probabilities p. For logits log p is computed as
        z - log(sum(exp(z))), without overflow, and the gradient as (p sum(y) - y) / samples. A class with y = 0 may
        have the logit -inf. Probabilities are kept above 1e-7 and are not scaled to a sum of 1. The default is True.
    label_smoothing
        Part s of each label that is spread over the classes: y becomes y (1 - s) + s / classes. s is at least
        0 and below 1. The default is 0.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Notes
    -----
    ``y_true`` y has the shape of ``y_pred``, ``(..., classes)``: one-hot, or any distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import CategoricalCrossentropy
    >>> value, gradient = CategoricalCrossentropy()(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]))
    >>> round(float(value), 4), gradient.tolist()
    (0.6931, [[-0.5, 0.5]])
    """

    compilable = True

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        y_true = self.labels(backend, y_true, y_pred, y_pred.shape[-1])
        return self._scaled(backend, y_true, y_pred, 1.0 / max(prod(y_pred.shape[:-1]), 1))

    def weighted_value_and_gradient(
        self, backend: Backend, y_true: Array, y_pred: Array, share: Array
    ) -> tuple[Array, Array]:
        share = backend.xp.reshape(share, (share.shape[0],) + (1,) * (y_pred.ndim - 1))
        y_true = self.labels(backend, y_true, y_pred, y_pred.shape[-1]) * share  # value and gradient are linear in it
        return self._scaled(backend, y_true, y_pred, 1.0 / max(prod(y_pred.shape[1:-1]), 1))

    def _scaled(self, backend: Backend, y_true: Array, y_pred: Array, scale: float) -> tuple[Array, Array]:
        """Return the sum of the terms, times a factor, and its gradient."""
        if self.from_logits:
            return backend.softmax_crossentropy(y_true, y_pred, scale)
        terms, gradient = backend.elementwise(_categorical_of_probabilities, y_true, y_pred, scale)
        return backend.sum(terms) * scale, gradient

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        scale: float = 1.0 / max(prod(y_pred.shape[:-1]), 1)
        y_true = self.labels(backend, y_true, y_pred, y_pred.shape[-1])
        if self.from_logits:
            return backend.softmax_crossentropy_value(y_true, y_pred, scale)
        return backend.sum(backend.elementwise(_terms_of_probabilities, y_true, y_pred)) * scale

    def check_shape(self, true: Shape, predicted: Shape) -> None:
        self.check_classes(predicted)
        super().check_shape(true, predicted)


def _categorical_of_probabilities(xp: Namespace, y: Array, p: Array, scale: float) -> tuple[Array, Array]:
    p = xp.maximum(p, SMALLEST)
    return _negative_log_likelihood(xp, y, p), -y / p * scale


def _terms_of_probabilities(xp: Namespace, y: Array, p: Array) -> Array:
    return _negative_log_likelihood(xp, y, xp.maximum(p, SMALLEST))


def _negative_log_likelihood(xp: Namespace, y: Array, p: Array) -> Array:
    return -(y * xp.log(p))
