"""Classes of samples, from their labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array
from cutedl_xp.backends import backend_of


def class_numbers(labels: Array, purpose: str) -> NDArray[np.int64]:
    """Return the class of each sample, on the host.

    Parameters
    ----------
    labels
        Class numbers of shape ``(n,)`` or ``(n, 1)``, or rows with a single 1, whose position is the class.
    purpose
        Argument that needs the classes, for the error.

    Raises
    ------
    ValueError
        If the labels are not of this kind.
    """
    host: NDArray[Any] = np.asarray(backend_of(labels).to_numpy(labels))
    if host.ndim == 1 or host.shape[1:] == (1,):
        numbers = host.reshape(-1)
        if np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all():
            classes: NDArray[np.int64] = numbers.astype(np.int64)
            return classes
        found = "labels that are not whole numbers"
    elif host.ndim == 2:
        if ((host == 0) | (host == 1)).all() and (np.count_nonzero(host, axis=1) == 1).all():
            positions: NDArray[np.int64] = np.argmax(host, axis=1)
            return positions
        found = "rows without a single 1"
    else:
        found = f"labels of shape {host.shape}"
    raise ValueError(
        f"{purpose} needs labels that are class numbers or rows with a single 1 for their class; got {found}"
    )
