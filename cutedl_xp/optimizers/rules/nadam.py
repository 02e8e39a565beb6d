"""NAdam: Adam with Nesterov's look ahead."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers.rules._adam_family import AdamRelative, complement, corrections
from cutedl_xp.schedules import Schedule


def nadam_rule(
    xp: Namespace,
    w: Array,
    g: Array,
    v: Array,
    s: Array,
    rate_of_v: float,
    rate_of_g: float,
    beta1: float,
    one_minus_beta1: float,
    beta2: float,
    one_minus_beta2: float,
    eps: float,
) -> tuple[Array, ...]:
    """One update, element by element; the rates and eps hold the corrections."""
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    w = w - (rate_of_v * v + rate_of_g * g) / (xp.sqrt(s) + eps)
    return w, v, s


@dataclass(eq=False)
class NAdam(AdamRelative):
    """NAdam: Adam whose mean of gradients goes ahead by what the next update will bring::

        v = beta1 v + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²
        v̂ = beta1 v / (1 - beta1^(t+1)) + (1 - beta1) g / (1 - beta1^t)
        ŝ = s / (1 - beta2^t)
        w -= lr v̂ / (√ŝ + eps)

    Parameters
    ----------
    lr
        The learning rate, greater than 0, or one of :mod:`cutedl_xp.schedules`.
    beta1, beta2
        How much of the two means is kept at each update, between 0 and 1.
    eps
        Keeps the quotient finite; greater than 0.
    weight_decay
        What is added to the gradient, times w; at least 0.

    State
    -----
    v, s : the means of gradients and of squared gradients, of w's shape and dtype, at first 0.
    t : the number of updates, one for all parameters.

    References
    ----------
    Dozat, "Incorporating Nesterov Momentum into Adam", 2016, Algorithm 2 with a constant beta1, as in optax. Warning:
    PyTorch and Keras let beta1 grow with t, each in a way of its own, so that their steps differ. The default lr is
    PyTorch's; Keras has 1e-3.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import NAdam
    >>> rule, w = NAdam(lr=0.1), np.array([0.0])
    >>> w, state = rule.update(w, np.array([3.0]), rule.init(w))
    >>> w.round(4)
    array([-0.1474])
    """

    lr: float | Schedule = 2e-3

    slots = ("v", "s")
    rule = staticmethod(nadam_rule)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        (step, root), lr = corrections(t, self.beta1, self.beta2), self.rate(t)
        rate_of_g = lr * step * (1.0 - self.beta1)
        rate_of_v = lr * root * self.beta1 / complement(self.beta1, t + 1)
        means = self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2
        return rate_of_v, rate_of_g, *means, self.eps * root
