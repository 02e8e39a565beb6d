"""Adamax: Adam with the largest of recent gradients in the place of their root mean square."""

from dataclasses import dataclass, field
from typing import Any

from cutedl_xp._checks import fraction, not_negative, positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, complement
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import checked_rate


def adamax_rule(
    xp: Namespace,
    w: Array,
    g: Array,
    v: Array,
    u: Array,
    rate: float,
    beta1: float,
    one_minus_beta1: float,
    beta2: float,
    eps: float,
) -> tuple[Array, ...]:
    """One update, element by element; the rate holds the correction of v."""
    v = beta1 * v + one_minus_beta1 * g
    u = xp.maximum(beta2 * u, xp.abs(g) + eps)
    w = w - rate * v / u
    return w, v, u


@dataclass(eq=False)
class Adamax(ElementwiseOptimizer):
    """Adamax: the mean of recent gradients over the largest of them, which fades slowly::

        v = beta1 v + (1 - beta1) g
        u = max(beta2 u, |g| + eps)
        v̂ = v / (1 - beta1^t)
        w -= lr v̂ / u

    Parameters
    ----------
    lr
        The learning rate, greater than 0, or one of :mod:`cutedl_xp.schedules`; no first step is longer.
    beta1, beta2
        How much of v and of u is kept at each update, between 0 and 1.
    eps
        Keeps the quotient finite; greater than 0.
    weight_decay
        What is added to the gradient, times w; at least 0.

    State
    -----
    v, u : the mean of gradients and their largest size, of w's shape and dtype, at first 0.
    t : the number of updates, one for all parameters.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 2, which has no eps. It is added to the
    size of g as in PyTorch and optax; Keras adds it to u. The defaults are the paper's and PyTorch's.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adamax
    >>> rule, w = Adamax(lr=0.1), np.array([0.0, 0.0])
    >>> w, state = rule.update(w, np.array([3.0, 0.0]), rule.init(w))
    >>> w.round(4), state["u"].round(4)
    (array([-0.1,  0. ]), array([3., 0.]))
    """

    lr: float | Schedule = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = field(default=1e-8, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)

    slots = ("v", "u")
    rule = staticmethod(adamax_rule)

    def __post_init__(self) -> None:
        self.lr = checked_rate("lr", self.lr)
        self.beta1 = fraction("beta1", self.beta1)
        self.beta2 = fraction("beta2", self.beta2)
        self.eps = positive("eps", self.eps)
        self.weight_decay = not_negative("weight_decay", self.weight_decay)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t) / complement(self.beta1, t), self.beta1, 1.0 - self.beta1, self.beta2, self.eps
