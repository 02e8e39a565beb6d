"""Data and settings that the measured estimators share."""

import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from benchmarks.programs import idx
from benchmarks.work import Work

SETTINGS: dict[str, Any] = {"learning_rate": 1e-3, "alpha": 1e-4, "random_state": 0}  # scikit-learn's defaults


def load(samples: str) -> tuple[np.ndarray, np.ndarray]:
    """Return samples in [0, 1] and class numbers: the digits in float64, or MNIST's training images in float32."""
    if samples == "MNIST":
        images, labels, *_ = idx.load()
        return images, labels
    images, labels = load_digits(return_X_y=True)
    return images / 16.0, labels


def make_work(net: Any, samples: str) -> Work:
    """Return a fit of all epochs on the data of this name, after a fit that compiles functions."""
    images, labels = load(samples)
    warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed
    net.fit(images, labels)
    return Work(lambda: net.fit(images, labels), steps=net.n_iter_ * -(-len(labels) // net.batch_size))
