"""Warning of weights that are not finite."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np


def warn_of_non_finite(weights: Mapping[str, Any], stacklevel: int) -> None:
    """Warn before a save if a weight has a NaN or infinite entry; the warning names the first such weight.

    Parameters
    ----------
    weights
        NumPy arrays by name.
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
