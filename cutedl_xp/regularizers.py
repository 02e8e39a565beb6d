"""Penalties on large weights, added to the gradients before each update.

The reported losses are those of the data alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from cutedl_xp._checks import check_not_negative, check_text, format_names
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import backend_of
from cutedl_xp.parameters import Parameter


@dataclass(frozen=True)
class Regularizer(ABC):
    """Adds the gradient of a penalty to the parameters whose name fits a pattern.

    Parameters
    ----------
    damping
        The penalty's weight, at least 0.
    pattern
        Shell-style pattern of parameter names; by default the weights and not the biases.
    """

    damping: float
    pattern: str = field(default="*/weight", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "damping", check_not_negative("damping", self.damping))
        check_text("pattern", self.pattern)

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse parameters none of which this would act on."""
        if names and not any(fnmatchcase(name, self.pattern) for name in names):
            raise ValueError(f"`pattern` {self.pattern!r} fits none of the parameters {format_names(names)}")

    def __call__(self, parameters: Sequence[Parameter]) -> None:
        """Add the penalty's gradient to the gradients of those parameters."""
        for parameter in parameters:
            if fnmatchcase(parameter.name, self.pattern):
                parameter.gradient = parameter.gradient + self.penalty_gradient(parameter.value)

    @abstractmethod
    def penalty_gradient(self, w: Array) -> Array:
        """The gradient of the penalty with respect to ``w``, of its shape and dtype."""


class L1(Regularizer):
    """The penalty damping * sum(abs(w)), with gradient damping * sign(w): it drives weights to exactly 0.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.regularizers import L1
    >>> L1(0.5).penalty_gradient(np.array([-2.0, 0.0, 4.0])).tolist()
    [-0.5, 0.0, 0.5]
    """

    def penalty_gradient(self, w: Array) -> Array:
        gradient: Array = backend_of(w).elementwise(_scaled_sign, w, self.damping)
        return gradient


def _scaled_sign(xp: Namespace, w: Array, damping: float) -> Array:
    return xp.sign(w) * damping  # elementwise, as the function itself asks a CUDA device for the number of NaNs


class L2(Regularizer):
    """The penalty damping / 2 * sum(w²), with gradient damping * w: it keeps weights small.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.regularizers import L2
    >>> L2(0.5).penalty_gradient(np.array([-2.0, 4.0])).tolist()
    [-1.0, 2.0]
    """

    def penalty_gradient(self, w: Array) -> Array:
        return w * self.damping
