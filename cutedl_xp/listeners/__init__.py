"""Listeners: callables that a training calls at its events, to stop it, to show it, or for anything else."""

from cutedl_xp.listeners._event import Event, FitListener, Listener, check
from cutedl_xp.listeners.progress import Progress
from cutedl_xp.listeners.reduction import ReduceOnPlateau
from cutedl_xp.listeners.stopping import EarlyStopping, TargetReached

__all__ = [
    "EarlyStopping",
    "Event",
    "FitListener",
    "Listener",
    "Progress",
    "ReduceOnPlateau",
    "TargetReached",
    "check",
]
