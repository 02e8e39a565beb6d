"""Adagrad: a rate for each entry that falls with the gradients it has seen."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from cutedl_xp._checks import positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._optimizer import Optimizer


def adagrad_rule(xp: Namespace, w: Array, g: Array, s: Array, lr: float, eps: float) -> tuple[Array, ...]:
    """One update, element by element."""
    s = s + g * g
    w = w - lr * g / (xp.sqrt(s) + eps)
    return w, s


@dataclass(eq=False)
class Adagrad(Optimizer):
    """Adagrad: each entry's rate is divided by the root of the sum of its squared gradients::

        s += g²
        w -= lr g / (√s + eps)

    Parameters
    ----------
    lr
        The learning rate, greater than 0.
    eps
        Keeps the quotient finite where no gradient has been; greater than 0.

    State
    -----
    s : the sum of squared gradients, of w's shape and dtype, at first 0.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011, the
    diagonal variant. eps is added to the root, as in PyTorch (where it is 1e-10); Keras and optax put theirs under
    the root and start s at 0.1.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adagrad
    >>> rule, w, g = Adagrad(lr=1.0), np.array([0.0, 0.0]), np.array([0.5, -20.0])
    >>> w, state = rule.update(w, g, rule.init(w))
    >>> w.round(5), state["s"]
    (array([-1.,  1.]), array([2.5e-01, 4.0e+02]))
    """

    lr: float = 0.1
    eps: float = field(default=1e-6, kw_only=True)

    slots: ClassVar = ("s",)
    rule: ClassVar = staticmethod(adagrad_rule)

    def __post_init__(self) -> None:
        self.lr = positive("lr", self.lr)
        self.eps = positive("eps", self.eps)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.lr, self.eps
