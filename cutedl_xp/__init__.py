"""A small deep-learning trainer written once against the Python Array API standard.

>>> import cutedl_xp as cdl
>>> model = cdl.Model([cdl.layers.Dense(10, input_dim=784, activation="relu")]).assemble(seed=0)
"""

from typing import TYPE_CHECKING

from cutedl_xp import (
    activations,
    datasets,
    initializers,
    layers,
    listeners,
    losses,
    metrics,
    optimizers,
    plotting,
    regularizers,
    schedules,
)
from cutedl_xp._familiar import raise_unknown
from cutedl_xp._version import __version__
from cutedl_xp.backends import Backend, BackendUnavailable, available_backends, get_backend
from cutedl_xp.datasets import Dataset
from cutedl_xp.model import Model
from cutedl_xp.parameters import Parameter
from cutedl_xp.training.history import History
from cutedl_xp.training.session import Session

__all__ = [
    "Backend",
    "BackendUnavailable",
    "Dataset",
    "History",
    "Model",
    "Parameter",
    "Session",
    "__version__",
    "activations",
    "available_backends",
    "datasets",
    "get_backend",
    "initializers",
    "layers",
    "listeners",
    "losses",
    "metrics",
    "optimizers",
    "plotting",
    "regularizers",
    "schedules",
]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> None:
        raise_unknown(__name__, name)
