"""Gradient descent with a fixed learning rate."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cutedl_xp._checks import positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._optimizer import Optimizer


def fixed_rule(xp: Namespace, w: Array, g: Array, lr: float) -> tuple[Array, ...]:
    """One update, element by element."""
    w = w - lr * g
    return (w,)


@dataclass(eq=False)
class Fixed(Optimizer):
    """Gradient descent with a fixed learning rate::

        w -= lr g

    Parameters
    ----------
    lr
        The learning rate, greater than 0.

    State
    -----
    None.

    References
    ----------
    Robbins and Monro, "A Stochastic Approximation Method", 1951. Called SGD elsewhere; the same formula everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Fixed
    >>> rule, w = Fixed(lr=0.5), np.array([1.0, -2.0])
    >>> w, state = rule.update(w, np.array([1.0, 1.0]), rule.init(w))
    >>> w
    array([ 0.5, -2.5])
    """

    lr: float = 0.01

    slots: ClassVar = ()
    rule: ClassVar = staticmethod(fixed_rule)

    def __post_init__(self) -> None:
        self.lr = positive("lr", self.lr)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return (self.lr,)
