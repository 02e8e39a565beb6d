"""Weights of classes, applied as weights of samples."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import check_not_negative, format_value
from cutedl_xp.datasets import Batches, Data
from cutedl_xp.datasets._classes import class_numbers
from cutedl_xp.losses import Hinge, Loss
from cutedl_xp.model import Model

_PURPOSE = "`class_weight`"


def with_class_weight(data: Data, class_weight: Mapping[int, float] | None, model: Model, loss: Loss) -> Data:
    """Return the data with the weights of samples multiplied by the weights of their classes.

    Parameters
    ----------
    data
        Training data that fit the model and the loss.
    class_weight
        Weights by class; other classes have the weight 1. None returns the data unchanged.
    model, loss
        Model, whose number of outputs is the number of classes, and loss.

    Raises
    ------
    TypeError, ValueError
        If the weights or the labels have another type, a class is unknown, or the loss takes no weights.
    """
    if class_weight is None:
        return data
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"`class_weight` must be a dict of weights by class; got {format_value(class_weight)}")
    loss.check_takes_weights()
    outputs = (model.output_shape(data.sample_shape) or (1,))[-1]
    known = set(range(outputs if outputs > 1 else 2))
    if isinstance(data, Batches):
        weights = _checked(class_weight, known.union((-1,)) if isinstance(loss, Hinge) else known)
        data = data.with_class_weight(weights, lambda labels: _factors(weights, class_numbers(labels, _PURPOSE)))
        data.check_first(model.backend, model.dtype)
        return data
    numbers = class_numbers(data.labels, _PURPOSE)
    return data.reweighted(_factors(_checked(class_weight, known.union(np.unique(numbers).tolist())), numbers))


def _checked(class_weight: Mapping[int, float], known: set[int]) -> dict[int, float]:
    """Return the weights as a dict, after a check that the classes are known."""
    for number in class_weight:
        if number not in known:
            raise ValueError(
                f"`class_weight` must have classes of the labels, from {min(known)} to {max(known)}; "
                f"got {format_value(number)}"
            )
    return {int(each): check_not_negative(f"class_weight[{each}]", weight) for each, weight in class_weight.items()}


def _factors(class_weight: Mapping[int, float], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weight of each sample by its class."""
    factors = np.ones(len(numbers))
    for number, weight in class_weight.items():
        factors[numbers == number] = weight
    return factors
