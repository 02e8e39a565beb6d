"""What a validation reports beside the loss.

A metric is any function ``metric(y_true, y_pred)`` that returns its mean over the batch as a 0-d array; its name names
the entry in the history.
"""

from typing import Protocol

from array_api_compat import array_namespace

from cutedl_xp._typing import Array, Namespace


class Metric(Protocol):
    """A function of labels and outputs, with a name."""

    __name__: str

    def __call__(self, y_true: Array, y_pred: Array, /) -> Array:
        """The mean over the batch, 0-d."""


def accuracy(y_true: Array, y_pred: Array) -> Array:
    """The share of samples whose largest output is that of their class.

    Parameters
    ----------
    y_true
        Class numbers of shape ``(...)``, or distributions such as one-hot labels of shape ``(..., classes)``.
    y_pred
        Outputs of shape ``(..., classes)``. With several equal largest ones the first counts.

    Returns
    -------
    Array
        0-d, of ``y_pred``'s dtype.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.metrics import accuracy
    >>> float(accuracy(np.array([0, 1]), np.array([[2.0, 1.0], [3.0, 0.0]])))
    0.5
    """
    xp: Namespace = array_namespace(y_true, y_pred)
    true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
    if not predicted or true not in (predicted, predicted[:-1]):
        raise ValueError(f"accuracy needs `y_true` of shape {predicted[:-1]} or {predicted}; got {true}")
    classes = xp.argmax(y_true, axis=-1) if true == predicted else y_true
    return xp.mean(xp.astype(xp.argmax(y_pred, axis=-1) == classes, y_pred.dtype))
