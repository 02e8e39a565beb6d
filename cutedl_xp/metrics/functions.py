"""Metric functions: plain functions of a batch, which a session averages over the batches."""

from math import prod
from typing import Any, Protocol

from array_api_compat import array_namespace

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import check_together


class MetricFunction(Protocol):
    """Function of labels and outputs, with a name, that returns a mean over the batch.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> def mean_output(y_true, y_pred):
    ...     return y_pred.mean()
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> session = cdl.Session(model, cdl.losses.Mse(), cdl.optimizers.Adam(), metrics=[mean_output])
    >>> session.evaluate(([[1.0], [3.0]], [[0.0], [0.0]]))["mean_output"]
    2.0
    """

    __name__: str

    def __call__(self, y_true: Array, y_pred: Array, /) -> Array:
        """Return the mean over the batch.

        Parameters
        ----------
        y_true
            Labels of the batch.
        y_pred
            Outputs of the batch.

        Returns
        -------
        Array
            Mean, a 0-d array.
        """


def accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return the share of samples whose largest output belongs to their class.

    Parameters
    ----------
    y_true
        Class numbers of shape ``(...)``, or distributions such as one-hot labels of shape ``(..., classes)``.
    y_pred
        Outputs of shape ``(..., classes)``. Of several equal largest outputs the first one counts.

    Returns
    -------
    Array
        0-d, of ``y_pred``'s dtype.

    Raises
    ------
    TypeError
        If the arrays are of two libraries or devices.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.metrics import accuracy
    >>> float(accuracy(np.array([0, 1]), np.array([[2.0, 1.0], [3.0, 0.0]])))
    0.5
    """
    hits, samples = count_hits(y_true, y_pred)
    return hits / samples


def count_hits(y_true: Array, y_pred: Array) -> tuple[Array, int]:
    """Return the number of samples that :func:`accuracy` counts as correct, and the number of all samples.

    The first number is a 0-d array of the dtype of ``y_pred``, exact below 2**24 in float32.
    """
    check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
    xp: Namespace = array_namespace(y_pred)
    true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
    if not predicted or predicted[-1] < 2:
        raise ValueError(
            f"accuracy needs `y_pred` with a last axis of two classes or more; got shape {predicted}: "
            "use binary_accuracy for a single output"
        )
    if true not in (predicted, predicted[:-1]):
        raise ValueError(f"accuracy needs `y_true` of shape {predicted[:-1]} or {predicted}; got {true}")
    found = xp.argmax(y_pred, axis=-1)
    if true == predicted:
        y_true = xp.argmax(xp.astype(y_true, y_pred.dtype, copy=False), axis=-1)
    return _count(xp, found == xp.astype(y_true, found.dtype, copy=False), y_pred.dtype), prod(predicted[:-1])


def binary_accuracy(y_true: Array, y_pred: Array, *, from_logits: bool = True) -> Array:
    """Return the share of entries that are above a threshold if the label is above 1/2, else at most equal to it.

    The threshold is 0 for logits and 1/2 for probabilities. A ``Session`` uses the ``from_logits`` of its loss.

    Parameters
    ----------
    y_true
        Labels in [0, 1], of any shape.
    y_pred
        Outputs of the same shape, logits or probabilities.
    from_logits
        Whether ``y_pred`` holds logits (default True) or probabilities.

    Returns
    -------
    Array
        0-d, of ``y_pred``'s dtype.

    Raises
    ------
    TypeError
        If the arrays are of two libraries or devices.
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.metrics import binary_accuracy
    >>> float(binary_accuracy(np.array([[1.0], [0.0]]), np.array([[2.0], [3.0]])))
    0.5
    """
    hits, entries = count_binary_hits(y_true, y_pred, from_logits=from_logits)
    return hits / entries


def count_binary_hits(y_true: Array, y_pred: Array, *, from_logits: bool = True) -> tuple[Array, int]:
    """Return the number of entries that :func:`binary_accuracy` counts as correct, and the number of all entries.

    The first number is a 0-d array of the dtype of ``y_pred``, exact below 2**24 in float32.
    """
    check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
    xp: Namespace = array_namespace(y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(f"binary_accuracy needs `y_true` of shape {tuple(y_pred.shape)}; got {tuple(y_true.shape)}")
    labels = xp.astype(y_true, y_pred.dtype, copy=False)
    hits = (y_pred > (0.0 if from_logits else 0.5)) == (labels > 0.5)
    return _count(xp, hits, y_pred.dtype), prod(y_pred.shape)


def _count(xp: Namespace, hits: Any, dtype: Any) -> Array:
    return xp.sum(xp.astype(hits, dtype))
