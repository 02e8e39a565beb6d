"""Lion: steps of one length in every entry, in the direction of a mean."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from cutedl_xp._checks import check_fraction, check_not_negative
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import check_rate


def lion_rule(
    xp: Namespace,
    w: Array,
    g: Array,
    v: Array,
    lr: float,
    beta1: float,
    one_minus_beta1: float,
    beta2: float,
    one_minus_beta2: float,
    weight_decay: float,
) -> tuple[Array, ...]:
    """One update, element by element."""
    direction = xp.sign(beta1 * v + one_minus_beta1 * g)
    v = beta2 * v + one_minus_beta2 * g
    w = w - lr * (direction + weight_decay * w)
    return w, v


@dataclass(eq=False)
class Lion(ElementwiseOptimizer):
    """Lion: the sign of a mean of gradients alone::

        w -= lr (sign(beta1 v + (1 - beta1) g) + weight_decay w)
        v = beta2 v + (1 - beta2) g

    Parameters
    ----------
    lr
        The learning rate, greater than 0, or one of :mod:`cutedl_xp.schedules`: the length of every entry's step. The
        paper advises a third to a tenth of AdamW's.
    beta1, beta2
        How much of the mean is kept in the direction and in the state, between 0 and 1.
    weight_decay
        The share of a weight, times lr, that goes at each update; at least 0. The paper advises three to ten times
        AdamW's.

    State
    -----
    v : the mean of gradients, of w's shape and dtype, at first 0.

    References
    ----------
    Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, Algorithm 2; the same formula in optax and
    Keras. The defaults are the paper's; optax has a weight decay of 1e-3.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Lion
    >>> rule, w = Lion(lr=0.1), np.array([0.0, 0.0, 0.0])
    >>> w, state = rule.update(w, np.array([1e-3, -5.0, 0.0]), rule.init(w))
    >>> w
    array([-0.1,  0.1,  0. ])
    """

    lr: float | Schedule = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = field(default=0.0, kw_only=True)

    slots = ("v",)
    rule = staticmethod(lion_rule)
    decoupled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.lr = check_rate("lr", self.lr)
        self.beta1 = check_fraction("beta1", self.beta1)
        self.beta2 = check_fraction("beta2", self.beta2)
        self.weight_decay = check_not_negative("weight_decay", self.weight_decay)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t), self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2, self.weight_decay
