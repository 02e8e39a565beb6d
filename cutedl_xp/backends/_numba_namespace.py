"""The namespace that numba's loops give a formula, whose arrays are single numbers there.

It has NumPy's elementwise functions, and a choice between numbers: NumPy's would make an array for each.
"""

from typing import Any

import numba
import numpy as np

globals().update({name: value for name, value in vars(np).items() if isinstance(value, np.ufunc)})


def _choice(condition: Any, x: Any, y: Any) -> Any:
    return x if condition else y


where: Any = numba.njit(_choice)
