"""Validation data of early stopping."""

import math
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from cutedl_xp.backends import backend_of


def split_samples(
    samples: Any, labels: Any, weights: Any, fraction: float, classes: Any, seed: int
) -> list[tuple[Any, Any, Any]]:
    """Return the samples, labels and weights of the training data and of the validation data.

    Parameters
    ----------
    samples
        Array of any backend.
    labels, weights
        Arrays on the host; weights may be None.
    fraction
        Fraction of the samples for the validation data.
    classes
        Class of each sample, or None. The parts have the same proportions of classes if each has room for all classes.
    seed
        Seed of the split.
    """
    stratify = classes if classes is not None and _can_stratify(classes, fraction) else None
    parts = train_test_split(np.arange(len(labels)), test_size=fraction, random_state=seed, stratify=stratify)
    if weights is not None:
        _check_parts(weights, *parts)
    backend = backend_of(samples)
    return [
        (
            backend.xp.take(samples, backend.asarray(rows), axis=0),
            labels[rows],
            None if weights is None else weights[rows],
        )
        for rows in parts
    ]


def _check_parts(weights: Any, training: Any, validation: Any) -> None:
    """Raise if all weights of one of the two parts are 0."""
    for part, rows, other in [("training", training, "smaller"), ("validation", validation, "larger")]:
        if np.any(weights) and not np.any(weights[rows]):
            raise ValueError(
                f"the {part} part of `early_stopping` must have a sample with a weight above 0; got the weight 0 for "
                f"all of its {len(rows)} samples: set a {other} `validation_fraction` or another `random_state`"
            )


def _can_stratify(classes: Any, fraction: float) -> bool:
    counts = np.unique_counts(classes).counts
    validation = math.ceil(fraction * len(classes))  # as train_test_split rounds
    return bool(counts.min() > 1 and len(counts) <= min(validation, len(classes) - validation))
