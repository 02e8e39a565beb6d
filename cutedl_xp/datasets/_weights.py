"""Weights of samples, and batches that hold them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array
from cutedl_xp.backends import backend_of
from cutedl_xp.datasets._conversion import as_array


class Batch(NamedTuple):
    """A batch of a training or an evaluation.

    Attributes
    ----------
    x
        Samples, scaled.
    y
        Labels of the samples.
    weight
        Weight of each sample, shape ``(samples,)``; None if the data have no weights.
    size
        Sum of the weights as a number of the host; the number of samples if the data have no weights.
    """

    x: Array
    y: Array
    weight: Array | None
    size: float


def check_weights(weights: Any, size: int, *, of_a_batch: bool = False) -> tuple[Array, NDArray[np.float64]]:
    """Return the weights of ``size`` samples as an array and, in float64, on the host.

    Those of a batch may all be 0.
    """
    array = as_array("sample_weight", weights)
    backend = backend_of(array)
    if not backend.xp.isdtype(array.dtype, ("bool", "integral", "real floating")):
        raise TypeError(f"`sample_weight` must hold real numbers; got an array of dtype {array.dtype}")
    if tuple(array.shape) != (size,):
        raise ValueError(
            f"`sample_weight` must have one weight for each sample, shape {(size,)}; got shape {tuple(array.shape)}"
        )
    host = np.asarray(backend.to_numpy(array), dtype=np.float64)
    if not np.isfinite(host).all() or (host < 0.0).any() or not (of_a_batch or host.any()):
        raise ValueError(
            "`sample_weight` must hold finite numbers of at least 0, not all of them 0; "
            f"got weights from {host.min():g} to {host.max():g}"
        )
    return array, host
