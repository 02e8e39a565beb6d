"""Gradient descent with momentum."""

from dataclasses import dataclass, field
from typing import Any

from cutedl_xp._checks import check_boolean, check_fraction, check_not_negative
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import check_rate


def momentum_rule(xp: Namespace, w: Array, g: Array, v: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    """One update, element by element."""
    v = momentum * v + lr * g
    w = w - v
    return w, v


def nesterov_rule(xp: Namespace, w: Array, g: Array, v: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    """One update, element by element, from where the momentum will have led."""
    v = momentum * v + lr * g
    w = w - (momentum * v + lr * g)
    return w, v


@dataclass(eq=False)
class Momentum(ElementwiseOptimizer):
    """Gradient descent with momentum: the step is a decaying sum of all gradients so far::

        v = momentum v + lr g
        w -= v

    Under a constant gradient the step grows to lr / (1 - momentum) times it. With ``nesterov`` the last line is
    ``w -= momentum v + lr g``: the step goes ahead by what the next one will bring.

    Parameters
    ----------
    lr
        The learning rate, greater than 0, or one of :mod:`cutedl_xp.schedules`.
    momentum
        The share of a step that goes on into the next, between 0 and 1.
    nesterov
        Whether to go ahead.
    weight_decay
        What is added to the gradient, times w; at least 0.

    State
    -----
    v : the last step, of w's shape and dtype, at first 0.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964: the heavy ball, with lr inside
    the sum as in Keras. PyTorch and optax keep v without lr and multiply the step instead; with a constant lr the
    result is the same, with a changing one it is not. Nesterov, "A method for solving the convex programming problem
    with convergence rate O(1/k²)", 1983, in the form of all three, where w is the point that is looked ahead to.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Momentum
    >>> rule, w, g = Momentum(lr=1.0, momentum=0.5), np.array([0.0]), np.array([1.0])
    >>> w, state = rule.update(w, g, rule.init(w))
    >>> rule.update(w, g, state)
    (array([-2.5]), {'t': 2, 'v': array([1.5])})
    """

    lr: float | Schedule = 1e-4
    momentum: float = 0.9
    nesterov: bool = field(default=False, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)

    slots = ("v",)

    def __post_init__(self) -> None:
        self.lr = check_rate("lr", self.lr)
        self.momentum = check_fraction("momentum", self.momentum)
        check_boolean("nesterov", self.nesterov)
        self.weight_decay = check_not_negative("weight_decay", self.weight_decay)

    @property
    def rule(self) -> Rule:
        return nesterov_rule if self.nesterov else momentum_rule

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t), self.momentum
