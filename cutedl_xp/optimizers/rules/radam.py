"""RAdam: Adam that begins with momentum, until the variance of its second mean is small."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers.rules._adam_family import AdamRelative, complement, corrections

_TRUSTED = 5.0
"""Length of the mean above which its variance is finite and small enough."""


def radam_rule(xp: Namespace, w: Array, g: Array, v: Array, s: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element; one of the two rates is 0, and rates and eps include the corrections."""
    rate, rate_of_momentum, beta1, one_minus_beta1, beta2, one_minus_beta2, eps = scalars
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    w = w - v * (rate / (xp.sqrt(s) + eps) + rate_of_momentum)
    return w, v, s


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class RAdam(AdamRelative):
    """RAdam: Adam with steps multiplied by a factor r that increases to 1; momentum while r is not defined.

    The update is::

        v = beta1 v + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²
        v̂ = v / (1 - beta1^t)
        ŝ = s / (1 - beta2^t)
        N = 2 / (1 - beta2) - 1
        n = N - 2 t beta2^t / (1 - beta2^t)
        r = √((n - 4) (n - 2) N / ((N - 4) (N - 2) n))
        w -= lr r v̂ / (√ŝ + eps)    if n > 5
        w -= lr v̂                   else

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 1e-3.
    beta1, beta2
        Decay rates of the two means, between 0 and 1. The defaults are 0.9 and 0.999. With a beta2 of at most 2/3, r is
        never used.
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
    Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", 2020, Algorithm 2, with n > 5 instead of
    n > 4, as in PyTorch; the authors' program and optax have n >= 5. The paper has no eps. eps is added to √ŝ as in
    Adam and optax; PyTorch adds eps before s is corrected. The defaults are those of PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import RAdam
    >>> rule, w = RAdam(lr=0.1), np.array([0.0])
    >>> w, state = rule.update(w, np.array([3.0]), rule.init(w))
    >>> w.round(4)
    array([-0.3])
    """

    compilable = True
    slots = ("v", "s")
    rule = staticmethod(radam_rule)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        (step, root), lr = corrections(t, self.beta1, self.beta2), self.rate(t)
        rectified, plain = self._factors(t)
        means = self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2
        return lr * step * rectified, lr * plain / complement(self.beta1, t), *means, self.eps * root

    def _factors(self, t: Any) -> tuple[Any, Any]:
        """Return the factors of Adam's step and of momentum: r and 0, or 0 and 1."""
        longest = 2.0 / (1.0 - self.beta2) - 1.0
        if longest <= _TRUSTED:
            return 0.0, 1.0
        ended = complement(self.beta2, t)
        length = longest - 2.0 * t * (1.0 - ended) / ended
        trusted = (length > _TRUSTED) * 1.0  # an array under tracing
        square = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)
        return trusted * abs(square) ** 0.5, 1.0 - trusted
