"""Update rules, one a file. To write one, derive from :class:`Optimizer`."""

from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers.adadelta import Adadelta
from cutedl_xp.optimizers.adagrad import Adagrad
from cutedl_xp.optimizers.adam import Adam
from cutedl_xp.optimizers.fixed import Fixed
from cutedl_xp.optimizers.momentum import Momentum
from cutedl_xp.optimizers.rmsprop import RMSProp

__all__ = ["Adadelta", "Adagrad", "Adam", "Fixed", "Momentum", "Optimizer", "RMSProp"]
