"""Gradient descent with momentum."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cutedl_xp._checks import fraction, positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._optimizer import Optimizer


def momentum_rule(xp: Namespace, w: Array, g: Array, v: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    """One update, element by element."""
    v = momentum * v + lr * g
    w = w - v
    return w, v


@dataclass(eq=False)
class Momentum(Optimizer):
    """Gradient descent with momentum: the step is a decaying sum of all gradients so far::

        v = momentum v + lr g
        w -= v

    Under a constant gradient the step grows to lr / (1 - momentum) times it.

    Parameters
    ----------
    lr
        The learning rate, greater than 0.
    momentum
        The share of a step that goes on into the next, between 0 and 1.

    State
    -----
    v : the last step, of w's shape and dtype, at first 0.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964: the heavy ball, with lr inside
    the sum as in Keras. PyTorch and optax keep v without lr and multiply the step instead; with a constant lr the
    result is the same, with a changing one it is not.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Momentum
    >>> rule, w, g = Momentum(lr=1.0, momentum=0.5), np.array([0.0]), np.array([1.0])
    >>> w, state = rule.update(w, g, rule.init(w))
    >>> rule.update(w, g, state)
    (array([-2.5]), {'t': 2, 'v': array([1.5])})
    """

    lr: float = 1e-4
    momentum: float = 0.9

    slots: ClassVar = ("v",)
    rule: ClassVar = staticmethod(momentum_rule)

    def __post_init__(self) -> None:
        self.lr = positive("lr", self.lr)
        self.momentum = fraction("momentum", self.momentum)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.lr, self.momentum
