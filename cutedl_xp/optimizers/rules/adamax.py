"""Adamax: Adam with a decaying maximum of gradients instead of their root mean square."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import hyperparameter
from cutedl_xp.optimizers.rules._adam_family import AdamRelative, complement
from cutedl_xp.schedules._schedule import Schedule, check_rate


def adamax_rule(xp: Namespace, w: Array, g: Array, v: Array, u: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element; the rate includes the correction of v."""
    rate, beta1, one_minus_beta1, beta2, eps = scalars
    v = beta1 * v + one_minus_beta1 * g
    u = xp.maximum(beta2 * u, xp.abs(g) + eps)
    w = w - rate * v / u
    return w, v, u


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class Adamax(AdamRelative):
    """Adamax: the mean of recent gradients divided by a decaying maximum of their absolute values.

    The update is::

        v = beta1 v + (1 - beta1) g
        u = max(beta2 u, |g| + eps)
        v̂ = v / (1 - beta1^t)
        w -= lr v̂ / u

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 2e-3. No entry of the
        first step is larger.
    beta1, beta2
        Decay rates of v and of u, between 0 and 1. The defaults are 0.9 and 0.999.
    eps
        Constant that keeps the quotient finite, greater than 0. The default is 1e-8.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    v, u : the mean of gradients and the maximum of their absolute values, of w's shape and dtype, initially 0.
    t : the number of updates, one for all parameters.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 2, which has no eps. eps is added to
    the absolute value of g as in PyTorch and optax; Keras adds eps to u. The defaults are those of the paper and
    PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adamax
    >>> rule, w = Adamax(lr=0.1), np.array([0.0, 0.0])
    >>> w, state = rule.update(w, np.array([3.0, 0.0]), rule.init(w))
    >>> w.round(4), state["u"].round(4)
    (array([-0.1,  0. ]), array([3., 0.]))
    """

    lr: float | Schedule = hyperparameter(2e-3, check_rate)

    compilable = True
    slots = ("v", "u")
    rule = staticmethod(adamax_rule)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t) / complement(self.beta1, t), self.beta1, 1.0 - self.beta1, self.beta2, self.eps
