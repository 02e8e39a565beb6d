"""Adam: momentum and RMSProp, each corrected for its start at zero."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from cutedl_xp._checks import fraction, positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._optimizer import Optimizer


def adam_rule(
    xp: Namespace,
    w: Array,
    g: Array,
    v: Array,
    s: Array,
    lr: float,
    beta1: float,
    one_minus_beta1: float,
    v_correction: float,
    beta2: float,
    one_minus_beta2: float,
    s_correction: float,
    eps: float,
) -> tuple[Array, ...]:
    """One update, element by element."""
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    v_hat = v_correction * v
    s_hat = s_correction * s
    w = w - lr * v_hat / (xp.sqrt(s_hat) + eps)
    return w, v, s


@dataclass(eq=False)
class Adam(Optimizer):
    """Adam: the mean of recent gradients over their root mean square, both corrected for their start at 0::

        v = beta1 v + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²
        v̂ = v / (1 - beta1^t)
        ŝ = s / (1 - beta2^t)
        w -= lr v̂ / (√ŝ + eps)

    Parameters
    ----------
    lr
        The learning rate, greater than 0; about the size of an entry's first steps.
    beta1, beta2
        How much of the two means is kept at each update, between 0 and 1.
    eps
        Keeps the quotient finite; greater than 0.

    State
    -----
    v, s : the means of gradients and of squared gradients, of w's shape and dtype, at first 0.
    t : the number of updates, one for all parameters.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1, as in PyTorch and optax. The
    defaults are the article's; the paper's are lr = 1e-3 and beta2 = 0.999. Keras adds eps before s is corrected
    (the paper's "eps hat"): there it acts as eps / √(1 - beta2^t), at first ten times ours, later the same.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adam
    >>> rule, w = Adam(lr=0.1), np.array([0.0, 0.0])
    >>> w, state = rule.update(w, np.array([1e-3, -1e3]), rule.init(w))
    >>> w.round(4)
    array([-0.1,  0.1])
    """

    lr: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = field(default=1e-8, kw_only=True)

    slots: ClassVar = ("v", "s")
    rule: ClassVar = staticmethod(adam_rule)

    def __post_init__(self) -> None:
        self.lr = positive("lr", self.lr)
        self.beta1 = fraction("beta1", self.beta1)
        self.beta2 = fraction("beta2", self.beta2)
        self.eps = positive("eps", self.eps)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        v_correction, s_correction = 1.0 / (1.0 - self.beta1**t), 1.0 / (1.0 - self.beta2**t)
        first = (self.beta1, 1.0 - self.beta1, v_correction)
        second = (self.beta2, 1.0 - self.beta2, s_correction)
        return self.lr, *first, *second, self.eps
