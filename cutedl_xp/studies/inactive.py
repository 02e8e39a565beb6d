"""Output units that have become permanently inactive."""

from collections.abc import Sequence
from typing import Any

from cutedl_xp.datasets import Dataset
from cutedl_xp.model import Model


def find_inactive_outputs(model: Model, train: Dataset, class_names: Sequence[str]) -> list[str]:
    """Return the classes whose output is 0 for all of their training samples.

    The gradient of a loss raises an output only through samples of its own class, and the gradient of relu is 0 where
    its output is 0. Such a class is not learned again, even where samples of other classes make its output positive:
    their gradients only lower the output.

    Parameters
    ----------
    model
        Model whose last activation is relu, after the training.
    train
        Training data with one-hot labels.
    class_names
        Names of the classes, in the order of the outputs. Classes without samples are ignored.
    """
    backend = model.backend
    xp: Any = backend.xp
    seen = xp.zeros(len(class_names), dtype=xp.bool, device=backend.device)
    active = seen
    for x, y in train.batches(0, backend, model.dtype):
        own = y > 0
        seen = xp.logical_or(seen, xp.any(own, axis=0))
        active = xp.logical_or(active, xp.any(xp.logical_and(model.predict(x) > 0, own), axis=0))
    inactive = backend.to_numpy(xp.logical_and(seen, xp.logical_not(active)))
    return [name for name, each in zip(class_names, inactive, strict=True) if each]
