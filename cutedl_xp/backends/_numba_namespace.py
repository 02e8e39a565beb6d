"""Namespace that numba's loops pass to a formula, whose arrays are single numbers in a loop.

The namespace has NumPy's elementwise functions, and a ``where`` for numbers, because NumPy's would create an array for
each number.
"""

from typing import Any

import numba
import numpy as np

globals().update({name: value for name, value in vars(np).items() if isinstance(value, np.ufunc)})


def _choice(condition: Any, x: Any, y: Any) -> Any:
    return x if condition else y


where: Any = numba.njit(_choice)
