"""Lion: steps of the same size in all entries, in the direction of a mean."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cutedl_xp._checks import check_fraction, check_not_negative
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, hyperparameter
from cutedl_xp.schedules._schedule import Schedule, check_rate


def lion_rule(xp: Namespace, w: Array, g: Array, v: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element."""
    lr, beta1, one_minus_beta1, beta2, one_minus_beta2, weight_decay = scalars
    direction = xp.sign(beta1 * v + one_minus_beta1 * g)
    v = beta2 * v + one_minus_beta2 * g
    w = w - lr * (direction + weight_decay * w)
    return w, v


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class Lion(ElementwiseOptimizer):
    """Lion: steps in the direction of the sign of a mean of gradients.

    The update is::

        w -= lr (sign(beta1 v + (1 - beta1) g) + weight_decay w)
        v = beta2 v + (1 - beta2) g

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 1e-4. The steps of
        all entries have this size. The paper recommends a third to a tenth of the rate of AdamW.
    beta1, beta2
        Decay rates of the mean, in the direction and in the state, between 0 and 1. The defaults are 0.9 and 0.99.
    weight_decay
        Coefficient of the weight decay, at least 0: each update subtracts lr times ``weight_decay * w``. The default is
        0. The paper recommends three to ten times the coefficient of AdamW.

    State
    -----
    v : the mean of gradients, of w's shape and dtype, initially 0.

    References
    ----------
    Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, Algorithm 2. optax and Keras have the same
    formula. The defaults are those of the paper; the default weight decay of optax is 1e-3.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Lion
    >>> rule, w = Lion(lr=0.1), np.array([0.0, 0.0, 0.0])
    >>> w, state = rule.update(w, np.array([1e-3, -5.0, 0.0]), rule.init(w))
    >>> w
    array([-0.1,  0.1,  0. ])
    """

    lr: float | Schedule = hyperparameter(1e-4, check_rate)
    beta1: float = hyperparameter(0.9, check_fraction)
    beta2: float = hyperparameter(0.99, check_fraction)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)

    compilable = True
    slots = ("v",)
    rule = staticmethod(lion_rule)
    decoupled: ClassVar[bool] = True

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t), self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2, self.weight_decay
