"""Loss functions. A call returns the loss and its gradient and keeps nothing.

Every loss is a mean over the batch, so that its size does not depend on the number of samples. To write one, derive
from :class:`Loss`.
"""

from typing import TYPE_CHECKING

from cutedl_xp._familiar import raise_unknown
from cutedl_xp.losses._loss import Loss
from cutedl_xp.losses.binary_crossentropy import BinaryCrossentropy
from cutedl_xp.losses.categorical_crossentropy import CategoricalCrossentropy
from cutedl_xp.losses.function_loss import FunctionLoss
from cutedl_xp.losses.hinge import Hinge
from cutedl_xp.losses.huber import Huber
from cutedl_xp.losses.mse import Mse
from cutedl_xp.losses.predictions import predict_classes, predict_proba
from cutedl_xp.losses.sparse_categorical_crossentropy import SparseCategoricalCrossentropy

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "Loss",
    "Mse",
    "SparseCategoricalCrossentropy",
    "predict_classes",
    "predict_proba",
]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> None:
        raise_unknown(__name__, name)
