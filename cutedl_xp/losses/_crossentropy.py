"""Base class of cross-entropies."""

from dataclasses import dataclass

from cutedl_xp._checks import check_boolean, check_real
from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.losses._loss import Loss

SMALLEST = 1e-7
"""Smallest distance of probabilities from 0 and 1 before a logarithm; in float32, 1 - 1e-7 still differs from 1."""


@dataclass(frozen=True, repr=False)
class Crossentropy(Loss):
    """Base class of losses of logits or of probabilities."""

    from_logits: bool = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        check_boolean("from_logits", self.from_logits)
        smoothing = check_real("label_smoothing", self.label_smoothing)
        if not 0.0 <= smoothing < 1.0:
            raise ValueError(f"`label_smoothing` must be at least 0 and below 1; got {self.label_smoothing!r}")
        object.__setattr__(self, "label_smoothing", smoothing)

    def __repr__(self) -> str:
        smoothing = f", label_smoothing={self.label_smoothing}" if self.label_smoothing else ""
        return f"{type(self).__name__}(from_logits={self.from_logits}{smoothing})"

    def labels(self, backend: Backend, y_true: Array, y_pred: Array, classes: int) -> Array:
        """Return the labels in the dtype of the outputs, smoothed: y (1 - smoothing) + smoothing / classes.

        Parameters
        ----------
        backend
            Backend of both arrays.
        y_true, y_pred
            Labels and outputs.
        classes
            Number of classes.
        """
        y_true = backend.convert(y_true, y_pred.dtype, None)
        if not self.label_smoothing:
            return y_true
        part = self.label_smoothing
        smoothed: Array = backend.elementwise(_smooth, y_true, 1.0 - part, part / classes)
        return smoothed

    def check_classes(self, predicted: Shape) -> None:
        """Refuse outputs without an axis of classes.

        Parameters
        ----------
        predicted
            Shape of the outputs.

        Raises
        ------
        ValueError
            If the shape has no axes.
        """
        if not predicted:
            raise ValueError(f"{type(self).__name__} needs `y_pred` with a last axis of classes; got shape ()")

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return 0.0, 1.0


def _smooth(xp: Namespace, y: Array, factor: float, share: float) -> Array:
    return y * factor + share
