"""Targets of a classification as labels of a loss."""

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target


def is_multi_label(y: Any) -> bool:
    """Return whether targets are several columns of zeros and ones, after a check that they are classes."""
    check_classification_targets(y)
    kind = type_of_target(y)
    if kind == "multiclass-multioutput":
        raise ValueError("`y` must have one column, or only zeros and ones; got several columns of classes")
    return bool(kind == "multilabel-indicator")


def encode_classes(y: Any, classes: Any) -> Any:
    """Return the labels of classes: a one-hot row for each sample, or one column for one or two classes."""
    if np.setdiff1d(y, classes).size:
        raise ValueError(f"`y` must hold the classes {classes.tolist()}; got {np.unique(y).tolist()}")
    numbers = np.searchsorted(classes, y)
    if len(classes) < 3:
        return numbers.astype(np.float64)[:, None]
    return np.eye(len(classes))[numbers]  # once here, as the loss of class numbers would encode them in every step
