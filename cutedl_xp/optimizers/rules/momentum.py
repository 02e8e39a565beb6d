"""Gradient descent with momentum."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_boolean, check_fraction, check_not_negative
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, hyperparameter
from cutedl_xp.schedules._schedule import Schedule, check_rate


def momentum_rule(xp: Namespace, w: Array, g: Array, v: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    """Compute one update, element by element."""
    v = momentum * v + lr * g
    w = w - v
    return w, v


def nesterov_rule(xp: Namespace, w: Array, g: Array, v: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    """Compute one update with Nesterov's variant, element by element."""
    v = momentum * v + lr * g
    w = w - (momentum * v + lr * g)
    return w, v


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class Momentum(ElementwiseOptimizer):
    """Gradient descent with momentum: the step is a decaying sum of all gradients so far.

    The update is::

        v = momentum v + lr g
        w -= v

    Under a constant gradient the step grows to lr / (1 - momentum) times the gradient. With ``nesterov`` the last line
    is ``w -= momentum v + lr g``, which anticipates the next step.

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 1e-4.
    momentum
        Decay rate of the steps, between 0 and 1. The default is 0.9.
    nesterov
        Whether to use Nesterov's variant. The default is False.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    v : the last step, of w's shape and dtype, initially 0.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964: the heavy ball, with lr inside
    the sum as in Keras. PyTorch and optax keep v without lr and multiply the step by lr instead; the results are equal
    with a constant lr, and differ with a changing lr. Nesterov, "A method for solving the convex programming problem
    with convergence rate O(1/k²)", 1983, in the form of all three libraries, where w is the point after the next step
    of the momentum.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Momentum
    >>> rule, w, g = Momentum(lr=1.0, momentum=0.5), np.array([0.0]), np.array([1.0])
    >>> w, state = rule.update(w, g, rule.init(w))
    >>> rule.update(w, g, state)
    (array([-2.5]), {'t': 2, 'v': array([1.5])})
    """

    lr: float | Schedule = hyperparameter(1e-4, check_rate)
    momentum: float = hyperparameter(0.9, check_fraction)
    nesterov: bool = hyperparameter(False, check_boolean, kw_only=True)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)

    compilable = True
    slots = ("v",)

    @property
    def rule(self) -> Rule:
        return nesterov_rule if self.nesterov else momentum_rule

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t), self.momentum
