"""A warning of weights that are not finite."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np


def warn_of_non_finite(weights: Mapping[str, Any], stacklevel: int) -> None:
    """Warn if a weight that is about to be saved has an entry that is NaN or infinite; the warning names the first.

    Parameters
    ----------
    weights
        NumPy arrays by their names.
    stacklevel
        As for ``warnings.warn``, counted from the caller.
    """
    name = next((name for name, array in weights.items() if not np.isfinite(array).all()), None)
    if name is not None:
        warnings.warn(
            f"the weights {name!r} that are saved are not finite; predictions of the file will not be either",
            RuntimeWarning,
            stacklevel=stacklevel + 1,
        )
