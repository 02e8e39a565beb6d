"""RMSProp: Adagrad that forgets."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from cutedl_xp._checks import fraction, positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._optimizer import Optimizer


def rmsprop_rule(
    xp: Namespace, w: Array, g: Array, s: Array, lr: float, rho: float, one_minus_rho: float, eps: float
) -> tuple[Array, ...]:
    """One update, element by element."""
    s = rho * s + one_minus_rho * (g * g)
    w = w - lr * g / (xp.sqrt(s) + eps)
    return w, s


@dataclass(eq=False)
class RMSProp(Optimizer):
    """RMSProp: each entry's rate is divided by the root mean square of its recent gradients::

        s = rho s + (1 - rho) g²
        w -= lr g / (√s + eps)

    Parameters
    ----------
    lr
        The learning rate, greater than 0.
    rho
        How much of the mean is kept at each update, between 0 and 1: it averages over about 1 / (1 - rho) gradients.
    eps
        Keeps the quotient finite; greater than 0.

    State
    -----
    s : the mean of squared gradients, of w's shape and dtype, at first 0 and without bias correction, so that the
    first step is lr / √(1 - rho).

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012, which names no eps. Here it is added to the root, as in PyTorch
    (where it is 1e-8); Keras and optax put theirs under the root.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import RMSProp
    >>> rule, w = RMSProp(lr=0.1, rho=0.99), np.array([0.0])
    >>> w, state = rule.update(w, np.array([3.0]), rule.init(w))
    >>> w.round(4), state["s"].round(4)
    (array([-1.]), array([0.09]))
    """

    lr: float = 1e-4
    rho: float = 0.99
    eps: float = field(default=1e-6, kw_only=True)

    slots: ClassVar = ("s",)
    rule: ClassVar = staticmethod(rmsprop_rule)

    def __post_init__(self) -> None:
        self.lr = positive("lr", self.lr)
        self.rho = fraction("rho", self.rho)
        self.eps = positive("eps", self.eps)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.lr, self.rho, 1.0 - self.rho, self.eps
