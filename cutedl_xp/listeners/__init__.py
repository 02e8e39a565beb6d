"""Listeners: callables that a training calls at its events, such as to stop the training or to show its progress."""

from typing import TYPE_CHECKING

from cutedl_xp._familiar import raise_unknown
from cutedl_xp.listeners.checkpoint import Checkpoint
from cutedl_xp.listeners.csv_logger import CsvLogger
from cutedl_xp.listeners.fit_listener import FitListener
from cutedl_xp.listeners.learning_rate_finder import LearningRateFinder
from cutedl_xp.listeners.reduce_on_plateau import ReduceOnPlateau
from cutedl_xp.listeners.stopping import EarlyStopping, TargetReached
from cutedl_xp.listeners.tensorboard import TensorBoard
from cutedl_xp.training.events import Event, Listener, check
from cutedl_xp.training.progress import Progress

__all__ = [
    "Checkpoint",
    "CsvLogger",
    "EarlyStopping",
    "Event",
    "FitListener",
    "LearningRateFinder",
    "Listener",
    "Progress",
    "ReduceOnPlateau",
    "TargetReached",
    "TensorBoard",
    "check",
]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> None:
        raise_unknown(__name__, name)
