"""What a validation reports beside the loss.

A metric is any function ``metric(y_true, y_pred)`` that returns its mean over the batch as a 0-d array; its name names
the entry in the history.
"""

from typing import Protocol

from array_api_compat import array_namespace

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import check_together


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
    TypeError
        If they are arrays of two libraries or devices.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.metrics import accuracy
    >>> float(accuracy(np.array([0, 1]), np.array([[2.0, 1.0], [3.0, 0.0]])))
    0.5
    """
    check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
    xp: Namespace = array_namespace(y_pred)
    true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
    if not predicted or predicted[-1] < 2:
        raise ValueError(
            f"accuracy needs `y_pred` with a last axis of two classes or more; got shape {predicted}: "
            "for one output that says yes or no use binary_accuracy"
        )
    if true not in (predicted, predicted[:-1]):
        raise ValueError(f"accuracy needs `y_true` of shape {predicted[:-1]} or {predicted}; got {true}")
    found = xp.argmax(y_pred, axis=-1)
    if true == predicted:
        y_true = xp.argmax(xp.astype(y_true, y_pred.dtype, copy=False), axis=-1)
    return xp.mean(xp.astype(found == xp.astype(y_true, found.dtype, copy=False), y_pred.dtype))


def binary_accuracy(y_true: Array, y_pred: Array) -> Array:
    """The share of entries whose logit has the right sign: above 0 for a label above 1/2, else at most 0.

    Parameters
    ----------
    y_true
        Labels in [0, 1], of any shape.
    y_pred
        Logits of the same shape, as :class:`~cutedl_xp.losses.BinaryCrossentropy` takes them.

    Returns
    -------
    Array
        0-d, of ``y_pred``'s dtype.

    Raises
    ------
    TypeError
        If they are arrays of two libraries or devices.
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.metrics import binary_accuracy
    >>> float(binary_accuracy(np.array([[1.0], [0.0]]), np.array([[2.0], [3.0]])))
    0.5
    """
    check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
    xp: Namespace = array_namespace(y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(f"binary_accuracy needs `y_true` of shape {tuple(y_pred.shape)}; got {tuple(y_true.shape)}")
    labels = xp.astype(y_true, y_pred.dtype, copy=False)
    return xp.mean(xp.astype((y_pred > 0) == (labels > 0.5), y_pred.dtype))
