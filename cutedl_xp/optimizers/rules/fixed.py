"""Gradient descent with a fixed learning rate."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_not_negative
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, hyperparameter
from cutedl_xp.schedules._schedule import Schedule, check_rate


def fixed_rule(xp: Namespace, w: Array, g: Array, lr: float) -> tuple[Array, ...]:
    """Compute one update, element by element."""
    w = w - lr * g
    return (w,)


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class Fixed(ElementwiseOptimizer):
    """Gradient descent with a fixed learning rate.

    The update is::

        w -= lr g

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 0.01.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    None.

    References
    ----------
    Robbins and Monro, "A Stochastic Approximation Method", 1951. Other libraries have the same formula under the name
    SGD.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Fixed
    >>> rule, w = Fixed(lr=0.5), np.array([1.0, -2.0])
    >>> w, state = rule.update(w, np.array([1.0, 1.0]), rule.init(w))
    >>> w
    array([ 0.5, -2.5])
    """

    lr: float | Schedule = hyperparameter(0.01, check_rate)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)

    compilable = True
    slots = ()
    rule = staticmethod(fixed_rule)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return (self.rate(t),)
