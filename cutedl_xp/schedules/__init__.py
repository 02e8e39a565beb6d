"""Learning rates that change during training: functions of the number of earlier updates.

Every optimizer accepts a schedule as its ``lr``. A schedule is any function that takes the number of earlier updates, 0
for the first one, and returns a rate of at least 0. The schedules here also work under ``jax.jit``, where the number of
updates is an array.
"""

from cutedl_xp.schedules._schedule import Schedule
from cutedl_xp.schedules.compose import Chain, Constant, Piecewise, Warmup
from cutedl_xp.schedules.cosine import Cosine, CosineRestarts, OneCycle
from cutedl_xp.schedules.decay import Exponential, InverseTime, Polynomial, Step

__all__ = [
    "Chain",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseTime",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "Schedule",
    "Step",
    "Warmup",
]
