"""Encoding of the targets of a classification as labels of a loss."""

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from cutedl_xp._checks import format_names, format_value


def is_multi_label(y: Any) -> bool:
    """Return whether targets have several columns of zeros and ones, after a check that they are classes."""
    check_classification_targets(y)
    kind = type_of_target(y)
    if kind == "multiclass-multioutput":
        raise ValueError("`y` must have one column, or only zeros and ones; got several columns of classes")
    return bool(kind == "multilabel-indicator")


def encode_classes(y: Any, classes: Any) -> Any:
    """Return the labels of classes: a one-hot row for each sample, or one column for one or two classes."""
    if np.setdiff1d(y, classes).size:
        known, new = (format_names(each.tolist()) for each in (classes, np.setdiff1d(y, classes)))
        raise ValueError(f"`y` must hold only the classes that the estimator was made for, {known}; got {new} as well")
    numbers = np.searchsorted(classes, y)
    if len(classes) < 3:
        return numbers.astype(np.float64)[:, None]
    return np.eye(len(classes))[numbers]  # here, as a loss for class numbers would encode them in every step


def one_column_each(probability: Any, classes: int, xp: Any) -> Any:
    """Return the probabilities of one or two classes with a column for each class, from the second class's column."""
    columns = [1.0 - probability, probability] if classes == 2 else [xp.ones_like(probability)]
    return xp.concat(columns, axis=1)


def weigh_classes(class_weight: Any, y: Any, classes: Any, sample_weight: Any) -> Any:
    """Return the weights of the samples multiplied by the weights of their classes.

    Parameters
    ----------
    class_weight
        As for ``compute_sample_weight``.
    y
        Targets.
    classes
        All classes, which a dict may name even if ``y`` has only some of them.
    sample_weight
        Weights of the samples, at least one above 0, or None.

    Raises
    ------
    ValueError
        If a weight is negative, infinite or NaN, or all samples get the weight 0.
    """
    given = class_weight
    if isinstance(class_weight, dict):
        absent = set(classes) - set(np.unique(y))
        class_weight = {label: weight for label, weight in class_weight.items() if label not in absent}
    weights = compute_sample_weight(class_weight, y)
    if not (np.all(np.isfinite(weights)) and np.all(weights >= 0.0)):
        raise ValueError(f"`class_weight` must hold finite numbers of at least 0; got {format_value(given)}")
    if sample_weight is not None:
        weights = weights * sample_weight
    if not np.any(weights):
        raise ValueError(
            f"`class_weight` must be above 0 for a class that `y` holds, in a sample with a `sample_weight` above 0; "
            f"got {format_value(given)}"
        )
    return weights


def check_no_balance(class_weight: Any) -> None:
    """Raise for ``"balanced"``, which requires a training on all data."""
    if isinstance(class_weight, str):
        raise ValueError(
            f"`class_weight` must be None or a dict for partial_fit(), as a part of the data cannot be balanced; "
            f"got {class_weight!r}"
        )
