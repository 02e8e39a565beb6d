"""Weights of classes, as weights of samples."""

from collections.abc import Mapping

import numpy as np

from cutedl_xp._checks import check_not_negative, format_value
from cutedl_xp.datasets import Dataset
from cutedl_xp.datasets._classes import class_numbers
from cutedl_xp.losses import Loss
from cutedl_xp.model import Model


def with_class_weight(data: Dataset, class_weight: Mapping[int, float] | None, model: Model, loss: Loss) -> Dataset:
    """Return the data with weights of samples that are those of their classes times the weights they have.

    Parameters
    ----------
    data
        Training data that fit the model and the loss.
    class_weight
        Weights by class; other classes have the weight 1. None returns the data as they are.
    model, loss
        Model, whose outputs count the classes, and loss.

    Raises
    ------
    TypeError, ValueError
        If the weights or the labels are of another kind, a class is unknown, or the loss takes no weights.
    """
    if class_weight is None:
        return data
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"`class_weight` must be a dict of weights by class; got {format_value(class_weight)}")
    loss.check_takes_weights()
    numbers = class_numbers(data.labels, "`class_weight`")
    factors = np.ones(data.size)
    outputs = (model.output_shape(data.sample_shape) or (1,))[-1]
    known = {*np.unique(numbers).tolist(), *range(outputs if outputs > 1 else 2)}
    for number, weight in class_weight.items():
        if number not in known:
            raise ValueError(
                f"`class_weight` must have classes of the labels, from {min(known)} to {max(known)}; "
                f"got {format_value(number)}"
            )
        factors[numbers == number] = check_not_negative(f"class_weight[{number}]", weight)
    return data.reweighted(factors)
