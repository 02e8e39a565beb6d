"""Probabilities and classes from the outputs of a model and the loss of its training."""

from cutedl_xp import _numerics
from cutedl_xp._checks import format_value
from cutedl_xp._typing import Array
from cutedl_xp.backends import backend_of
from cutedl_xp.losses._crossentropy import Crossentropy
from cutedl_xp.losses._loss import Loss
from cutedl_xp.losses.binary_crossentropy import BinaryCrossentropy


def predict_proba(outputs: Array, loss: Loss) -> Array:
    """Return the probabilities that a loss assigns to outputs, of the shape of the outputs.

    Parameters
    ----------
    outputs
        Outputs of ``model.predict``.
    loss
        Cross-entropy of the training. Logits of BinaryCrossentropy pass a sigmoid, other logits a softmax over the last
        axis. Outputs of a loss with ``from_logits=False`` are returned as they are.

    Raises
    ------
    TypeError
        If the loss is not a cross-entropy.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import CategoricalCrossentropy, predict_classes, predict_proba
    >>> outputs = np.array([[0.0, 0.0], [1000.0, 0.0]])
    >>> predict_proba(outputs, CategoricalCrossentropy()).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    >>> predict_classes(outputs, CategoricalCrossentropy()).tolist()
    [0, 0]
    """
    if not _check(loss).from_logits:
        return outputs
    xp = backend_of(outputs).xp
    if isinstance(loss, BinaryCrossentropy):
        return _numerics.sigmoid(xp, outputs)
    exponentials = _numerics.exponentials(xp, outputs, xp.max(outputs, axis=-1, keepdims=True))[1]
    probabilities: Array = exponentials / xp.sum(exponentials, axis=-1, keepdims=True)
    return probabilities


def predict_classes(outputs: Array, loss: Loss) -> Array:
    """Return the most probable classes for outputs, as integers.

    Parameters
    ----------
    outputs
        Outputs of ``model.predict``.
    loss
        Cross-entropy of the training. With BinaryCrossentropy each entry is 1 if its probability is above 0.5, else 0;
        otherwise the class is the position of the largest entry on the last axis.

    Raises
    ------
    TypeError
        If the loss is not a cross-entropy.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import BinaryCrossentropy, SparseCategoricalCrossentropy, predict_classes
    >>> predict_classes(np.array([[0.0, 2.0], [3.0, 1.0]]), SparseCategoricalCrossentropy()).tolist()
    [1, 0]
    >>> predict_classes(np.array([[-1.0], [2.0]]), BinaryCrossentropy()).tolist()
    [[0], [1]]
    """
    from_logits = _check(loss).from_logits
    xp = backend_of(outputs).xp
    if isinstance(loss, BinaryCrossentropy):
        return xp.astype(outputs > (0.0 if from_logits else 0.5), xp.int64)
    return xp.argmax(outputs, axis=-1)


def _check(loss: Loss) -> Crossentropy:
    if not isinstance(loss, Crossentropy):
        raise TypeError(
            f"`loss` must be a cross-entropy to give probabilities and classes; got {format_value(loss)}; "
            "use model.predict for the outputs of another loss"
        )
    return loss
