"""NAdam: Adam with Nesterov momentum."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import hyperparameter
from cutedl_xp.optimizers.rules._adam_family import AdamRelative, complement, corrections
from cutedl_xp.schedules._schedule import Schedule, check_rate


def nadam_rule(xp: Namespace, w: Array, g: Array, v: Array, s: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element; the rates and eps include the corrections."""
    rate_of_v, rate_of_g, beta1, one_minus_beta1, beta2, one_minus_beta2, eps = scalars
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    w = w - (rate_of_v * v + rate_of_g * g) / (xp.sqrt(s) + eps)
    return w, v, s


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class NAdam(AdamRelative):
    """NAdam: Adam with a mean of gradients that anticipates the next update.

    The update is::

        v = beta1 v + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²
        v̂ = beta1 v / (1 - beta1^(t+1)) + (1 - beta1) g / (1 - beta1^t)
        ŝ = s / (1 - beta2^t)
        w -= lr v̂ / (√ŝ + eps)

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 2e-3.
    beta1, beta2
        Decay rates of the two means, between 0 and 1. The defaults are 0.9 and 0.999.
    eps
        Constant that keeps the quotient finite, greater than 0. The default is 1e-8.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    v, s : the means of gradients and of squared gradients, of w's shape and dtype, initially 0.
    t : the number of updates, one for all parameters.

    References
    ----------
    Dozat, "Incorporating Nesterov Momentum into Adam", 2016, Algorithm 2 with a constant beta1, as in optax. Warning:
    PyTorch and Keras increase beta1 with t, by different formulas, so that their steps differ. The default lr is that
    of PyTorch; Keras has 1e-3.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import NAdam
    >>> rule, w = NAdam(lr=0.1), np.array([0.0])
    >>> w, state = rule.update(w, np.array([3.0]), rule.init(w))
    >>> w.round(4)
    array([-0.1474])
    """

    lr: float | Schedule = hyperparameter(2e-3, check_rate)

    compilable = True
    slots = ("v", "s")
    rule = staticmethod(nadam_rule)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        (step, root), lr = corrections(t, self.beta1, self.beta2), self.rate(t)
        rate_of_g = lr * step * (1.0 - self.beta1)
        rate_of_v = lr * root * self.beta1 / complement(self.beta1, t + 1)
        means = self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2
        return rate_of_v, rate_of_g, *means, self.eps * root
