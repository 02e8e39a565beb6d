"""Weights of samples, and batches that hold them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array
from cutedl_xp.backends import backend_of
from cutedl_xp.datasets._conversion import as_array


class Batch(NamedTuple):
    """Batch of a training or an evaluation.

    Attributes
    ----------
    x
        Samples, scaled.
    y
        Labels of the samples.
    weight
        Weight of each sample, shape ``(samples,)``; None if the data have no weights.
    size
        Sum of the weights as a Python number; the number of samples if the data have no weights.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.datasets import Dataset
    >>> data = Dataset(np.zeros((3, 1)), np.zeros((3, 1)), batch_size=2, shuffle=False, sample_weight=[0.5, 1.0, 2.0])
    >>> [batch.size for batch in data.weighted_batches(epoch=0)]
    [1.5, 2.0]
    """

    x: Array
    y: Array
    weight: Array | None
    size: float


def check_weights(weights: Any, size: int, *, of_a_batch: bool = False) -> tuple[Array, NDArray[np.float64]]:
    """Return the weights of ``size`` samples as an array and, in float64, on the host.

    With ``of_a_batch`` the weights may all be 0.
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
