"""Checks of batch factories and of their batches."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from cutedl_xp import _checks
from cutedl_xp._typing import Array
from cutedl_xp.datasets._arrays import check_array
from cutedl_xp.datasets._conversion import as_array

Given = tuple[Array, Array, Array | None]
"""Samples, labels and weights of a batch as the factory returned them."""


def takes_epoch_of(factory: Any) -> bool:
    """Return whether a factory takes the number of the epoch; raise if it cannot give batches repeatedly."""
    if isinstance(factory, Iterator):
        raise TypeError(
            "`factory` must give new batches for each epoch, and an iterator can be used once; give the generator "
            f"function itself; got {_checks.format_value(factory)}"
        )
    if not callable(factory):
        if not isinstance(factory, Iterable):
            raise TypeError(
                "`factory` must be a function that returns an iterable of batches, or an iterable that can be used "
                f"repeatedly; got {_checks.format_value(factory)}"
            )
        return False
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some functions of C have no signature
        return False
    takes_epoch = "epoch" in signature.parameters
    try:
        signature.bind(**({"epoch": 0} if takes_epoch else {}))
    except TypeError as error:
        raise TypeError(f"`factory` must be a function without arguments, or of `epoch` alone; {error}") from error
    return takes_epoch


def read_given(given: Any, where: str) -> Given:
    """Return the samples, the labels and the weights of a batch; None for missing weights."""
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError(f"{where} must be a tuple (x, y) or (x, y, sample_weight); got {_checks.format_value(given)}")
    try:
        x, y = as_array("x", given[0]), as_array("y", given[1])
        check_array("x", x)
        check_array("y", y)
    except (TypeError, ValueError) as error:
        raise located(error, where) from error
    if x.shape[0] != y.shape[0] or x.shape[0] == 0:
        raise ValueError(
            f"{where} must have one label for each sample and at least one sample; got x of shape {tuple(x.shape)} and "
            f"y of shape {tuple(y.shape)}"
        )
    return x, y, given[2] if len(given) == 3 else None


def located(error: Exception, where: str) -> Exception:
    """Return an error of the same kind whose message names the batch."""
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{where} does not fit: {error}".replace("`obj`", "an array of the batch"))
