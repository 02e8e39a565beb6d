"""The base class of cross-entropies."""

from dataclasses import dataclass

from cutedl_xp._checks import check_boolean
from cutedl_xp._typing import Shape
from cutedl_xp.losses._loss import Loss

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1 before a logarithm; in float32, 1 - 1e-7 still differs from 1."""


@dataclass(frozen=True)
class Crossentropy(Loss):
    """A loss of logits or of probabilities."""

    from_logits: bool = True

    def __post_init__(self) -> None:
        check_boolean("from_logits", self.from_logits)

    def check_classes(self, predicted: Shape) -> None:
        """Refuse outputs without an axis of classes."""
        if not predicted:
            raise ValueError(f"{type(self).__name__} needs `y_pred` with a last axis of classes; got shape ()")

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return 0.0, 1.0
