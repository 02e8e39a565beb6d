"""The norm of the gradients of a step, for listeners that ask for it."""

from collections.abc import Sequence
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp._typing import Array
from cutedl_xp.model import Model


class GradientNorm:
    """The norm of all gradients at the last step of a training.

    The gradients are those of the loss of the batch with the penalties, before the optimizer sees them: before clipping
    and before ``Accumulate`` averages them.

    Attributes
    ----------
    latest
        The norm on the device, 0-d; None before the first step.
    """

    def __init__(self) -> None:
        self.latest: Any = None

    def measure(self, model: Model) -> None:
        """Take the norm of the gradients that a model has now."""
        self.latest = norm_of_gradients(model)

    def read(self) -> float | None:
        """Return the norm, which is copied from the device; None before the first step."""
        return None if self.latest is None else float(self.latest)


def norm_of_gradients(model: Model) -> Array:
    """Return the root of the sum of squares of all gradients, 0-d, on the device."""
    scale, squares = model.backend.scaled_squares([parameter.gradient for parameter in model.parameters])
    norm: Array = scale * array_namespace(squares).sqrt(squares)
    return norm


def wants_gradient_norm(listeners: Sequence[Any]) -> bool:
    """Return whether a listener asks for the norm."""
    return any(getattr(listener, "needs_gradient_norm", False) is True for listener in listeners)
