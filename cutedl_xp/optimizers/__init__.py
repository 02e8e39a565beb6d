"""Update rules, one a file, and optimizers around another one.

To write a rule, derive from :class:`ElementwiseOptimizer`.
"""

from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers.rules.adadelta import Adadelta
from cutedl_xp.optimizers.rules.adagrad import Adagrad
from cutedl_xp.optimizers.rules.adam import Adam
from cutedl_xp.optimizers.rules.adamax import Adamax
from cutedl_xp.optimizers.rules.adamw import AdamW
from cutedl_xp.optimizers.rules.fixed import Fixed
from cutedl_xp.optimizers.rules.lion import Lion
from cutedl_xp.optimizers.rules.momentum import Momentum
from cutedl_xp.optimizers.rules.nadam import NAdam
from cutedl_xp.optimizers.rules.radam import RAdam
from cutedl_xp.optimizers.rules.rmsprop import RMSProp
from cutedl_xp.optimizers.wrappers.accumulation import Accumulate
from cutedl_xp.optimizers.wrappers.averaging import AverageWeights
from cutedl_xp.optimizers.wrappers.clipping import ClipByGlobalNorm, ClipByNorm, ClipByValue
from cutedl_xp.optimizers.wrappers.frozen import Frozen
from cutedl_xp.optimizers.wrappers.groups import Groups
from cutedl_xp.optimizers.wrappers.skip_nonfinite import SkipNonFinite

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
