"""Update rules, one a file, and optimizers around another one.

To write a rule, derive from :class:`ElementwiseOptimizer`.
"""

from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers.accumulation import Accumulate
from cutedl_xp.optimizers.adadelta import Adadelta
from cutedl_xp.optimizers.adagrad import Adagrad
from cutedl_xp.optimizers.adam import Adam
from cutedl_xp.optimizers.adamax import Adamax
from cutedl_xp.optimizers.adamw import AdamW
from cutedl_xp.optimizers.averaging import AverageWeights
from cutedl_xp.optimizers.clipping import ClipByGlobalNorm, ClipByNorm, ClipByValue
from cutedl_xp.optimizers.fixed import Fixed
from cutedl_xp.optimizers.groups import Frozen, Groups
from cutedl_xp.optimizers.lion import Lion
from cutedl_xp.optimizers.momentum import Momentum
from cutedl_xp.optimizers.nadam import NAdam
from cutedl_xp.optimizers.radam import RAdam
from cutedl_xp.optimizers.rmsprop import RMSProp
from cutedl_xp.optimizers.skipping import SkipNonFinite

__all__ = [
    "Accumulate",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AverageWeights",
    "ClipByGlobalNorm",
    "ClipByNorm",
    "ClipByValue",
    "ElementwiseOptimizer",
    "Fixed",
    "Frozen",
    "Groups",
    "Lion",
    "Momentum",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSProp",
    "SkipNonFinite",
]
