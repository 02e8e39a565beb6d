"""Update rules, and wrappers around them.

To write a rule, derive from :class:`ElementwiseOptimizer`.
"""

from typing import TYPE_CHECKING

from cutedl_xp._familiar import raise_unknown
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer as ElementwiseOptimizer
from cutedl_xp.optimizers._optimizer import Optimizer as Optimizer
from cutedl_xp.optimizers.rules.adadelta import Adadelta as Adadelta
from cutedl_xp.optimizers.rules.adagrad import Adagrad as Adagrad
from cutedl_xp.optimizers.rules.adam import Adam as Adam
from cutedl_xp.optimizers.rules.adamax import Adamax as Adamax
from cutedl_xp.optimizers.rules.adamw import AdamW as AdamW
from cutedl_xp.optimizers.rules.fixed import Fixed as Fixed
from cutedl_xp.optimizers.rules.lion import Lion as Lion
from cutedl_xp.optimizers.rules.momentum import Momentum as Momentum
from cutedl_xp.optimizers.rules.nadam import NAdam as NAdam
from cutedl_xp.optimizers.rules.radam import RAdam as RAdam
from cutedl_xp.optimizers.rules.rmsprop import RMSProp as RMSProp
from cutedl_xp.optimizers.wrappers.accumulation import Accumulate as Accumulate
from cutedl_xp.optimizers.wrappers.averaging import AverageWeights as AverageWeights
from cutedl_xp.optimizers.wrappers.clipping import ClipByGlobalNorm as ClipByGlobalNorm
from cutedl_xp.optimizers.wrappers.clipping import ClipByNorm as ClipByNorm
from cutedl_xp.optimizers.wrappers.clipping import ClipByValue as ClipByValue
from cutedl_xp.optimizers.wrappers.frozen import Frozen as Frozen
from cutedl_xp.optimizers.wrappers.groups import Groups as Groups
from cutedl_xp.optimizers.wrappers.skip_nonfinite import SkipNonFinite as SkipNonFinite

__all__ = [name for name in dir() if name[0].isupper() and name != "TYPE_CHECKING"]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> None:
        raise_unknown(__name__, name)
