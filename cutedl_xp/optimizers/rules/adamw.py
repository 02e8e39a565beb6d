"""AdamW: Adam with a decoupled weight decay."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cutedl_xp._checks import check_not_negative
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import hyperparameter
from cutedl_xp.optimizers.rules._adam_family import AdamRelative, corrections


def adamw_rule(xp: Namespace, w: Array, g: Array, v: Array, s: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element; the rate and eps include the corrections, the decay includes the rate."""
    rate, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, decay = scalars
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    w = w - decay * w - rate * v / (xp.sqrt(s) + eps)
    return w, v, s


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class AdamW(AdamRelative):
    """AdamW: Adam with a weight decay that is independent of the means.

    The update is::

        v = beta1 v + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²
        v̂ = v / (1 - beta1^t)
        ŝ = s / (1 - beta2^t)
        w -= lr (v̂ / (√ŝ + eps) + weight_decay w)

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 1e-3.
    beta1, beta2
        Decay rates of the two means, between 0 and 1. The defaults are 0.9 and 0.999.
    eps
        Constant that keeps the quotient finite, greater than 0. The default is 1e-8.
    weight_decay
        Coefficient of the weight decay, at least 0: each update subtracts lr times ``weight_decay * w``. The default is
        0.01.

    State
    -----
    v, s : the means of gradients and of squared gradients, of w's shape and dtype, initially 0.
    t : the number of updates, one for all parameters.

    References
    ----------
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, Algorithm 2, where the decay is multiplied by
    the schedule only; this class multiplies the decay by lr as well, as PyTorch, optax and Keras do. The defaults are
    those of PyTorch; the default weight decay of optax is 1e-4, that of Keras 0.004.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import AdamW
    >>> rule, w = AdamW(lr=0.1, weight_decay=0.5), np.array([1.0, 0.0])
    >>> w, state = rule.update(w, np.array([0.0, -3.0]), rule.init(w))
    >>> w.round(4)
    array([0.95, 0.1 ])
    """

    weight_decay: float = hyperparameter(0.01, check_not_negative, kw_only=True)

    compilable = True
    slots = ("v", "s")
    rule = staticmethod(adamw_rule)
    decoupled: ClassVar[bool] = True

    def scalars(self, t: Any) -> tuple[Any, ...]:
        (step, root), lr = corrections(t, self.beta1, self.beta2), self.rate(t)
        means = self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2
        return lr * step, *means, self.eps * root, lr * self.weight_decay
