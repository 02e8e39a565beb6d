"""Norm of the gradients of a step, for listeners that need it."""

from collections.abc import Sequence
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp._typing import Array
from cutedl_xp.model import Model


class GradientNorm:
    """Norm of all gradients at the last step of a training.

    The gradients include the penalties, and are taken before the optimizer changes them: before clipping, and before
    ``Accumulate`` averages the gradients of several batches.

    Attributes
    ----------
    latest
        Norm on the device, a 0-d array; None before the first step.
    """

    def __init__(self) -> None:
        self.latest: Any = None

    def measure(self, model: Model) -> None:
        """Compute the norm of the current gradients of ``model``."""
        self.latest = norm_of_gradients(model)

    def read(self) -> float | None:
        """Return the norm as a float, copied from the device; None before the first step."""
        return None if self.latest is None else float(self.latest)


def norm_of_gradients(model: Model) -> Array:
    """Return the root of the sum of squares of all gradients of ``model``, a 0-d array on the device."""
    scale, squares = model.backend.scaled_squares([parameter.gradient for parameter in model.parameters])
    norm: Array = scale * array_namespace(squares).sqrt(squares)
    return norm


def wants_gradient_norm(listeners: Sequence[Any]) -> bool:
    """Return whether one of the ``listeners`` needs the norm."""
    return any(getattr(listener, "needs_gradient_norm", False) is True for listener in listeners)
