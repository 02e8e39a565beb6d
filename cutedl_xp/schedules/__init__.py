"""Learning rates that change while training: functions of how many updates were made before.

Every optimizer takes one as its ``lr``, and so it takes any function of your own: it is called with 0 for the first
update, and returns a number of at least 0. Those here can be traced by ``jax.jit``, where that number is an array.
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
