"""Adam: momentum and RMSProp, each corrected for its start at zero."""

from dataclasses import dataclass, field
from typing import Any

from cutedl_xp._checks import check_boolean, check_fraction, check_not_negative, check_positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer
from cutedl_xp.optimizers.rules._adam_family import corrections
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import check_rate


def adam_rule(
    xp: Namespace,
    w: Array,
    g: Array,
    v: Array,
    s: Array,
    rate: float,
    beta1: float,
    one_minus_beta1: float,
    beta2: float,
    one_minus_beta2: float,
    eps: float,
) -> tuple[Array, ...]:
    """One update, element by element; the rate and eps hold the corrections."""
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    w = w - rate * v / (xp.sqrt(s) + eps)
    return w, v, s


def amsgrad_rule(
    xp: Namespace,
    w: Array,
    g: Array,
    v: Array,
    s: Array,
    s_max: Array,
    rate: float,
    beta1: float,
    one_minus_beta1: float,
    beta2: float,
    one_minus_beta2: float,
    eps: float,
) -> tuple[Array, ...]:
    """One update, element by element, with the largest s so far."""
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    s_max = xp.maximum(s_max, s)
    w = w - rate * v / (xp.sqrt(s_max) + eps)
    return w, v, s, s_max


@dataclass(eq=False)
class Adam(ElementwiseOptimizer):
    """Adam: the mean of recent gradients over their root mean square, both corrected for their start at 0::

        v = beta1 v + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²
        v̂ = v / (1 - beta1^t)
        ŝ = s / (1 - beta2^t)
        w -= lr v̂ / (√ŝ + eps)

    computed as lr √(1 - beta2^t) / (1 - beta1^t) times v / (√s + √(1 - beta2^t) eps).

    Parameters
    ----------
    lr
        The learning rate, greater than 0; about the size of an entry's first steps. Or one of
        :mod:`cutedl_xp.schedules`.
    beta1, beta2
        How much of the two means is kept at each update, between 0 and 1.
    eps
        Keeps the quotient finite; greater than 0.
    eps_hat
        Whether eps is added to the root of s before that is corrected: then it acts as eps / √(1 - beta2^t).
    amsgrad
        Whether the largest s so far takes the place of s in ŝ: once the corrections have faded, no entry's rate rises
        again.
    weight_decay
        What is added to the gradient, times w; at least 0.

    State
    -----
    v, s : the means of gradients and of squared gradients, of w's shape and dtype, at first 0.
    s_max : with ``amsgrad``, the largest s, likewise.
    t : the number of updates, one for all parameters.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1, as in PyTorch and optax. The
    defaults are the article's; the paper's are lr = 1e-3 and beta2 = 0.999. Keras, Chainer and ONNX add eps before s is
    corrected (the paper's "eps hat"): at first it acts as ten times ours, later as the same. AMSGrad: Reddi, Kale and
    Kumar, "On the Convergence of Adam and Beyond", 2018, with the bias corrections that PyTorch and Keras gave it; the
    paper has none, and optax takes the largest ŝ instead.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adam
    >>> rule, w = Adam(lr=0.1), np.array([0.0, 0.0])
    >>> w, state = rule.update(w, np.array([1e-3, -1e3]), rule.init(w))
    >>> w.round(4)
    array([-0.1,  0.1])
    """

    lr: float | Schedule = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = field(default=1e-8, kw_only=True)
    eps_hat: bool = field(default=False, kw_only=True)
    amsgrad: bool = field(default=False, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        self.lr = check_rate("lr", self.lr)
        self.beta1 = check_fraction("beta1", self.beta1)
        self.beta2 = check_fraction("beta2", self.beta2)
        self.eps = check_positive("eps", self.eps)
        check_boolean("eps_hat", self.eps_hat)
        check_boolean("amsgrad", self.amsgrad)
        self.weight_decay = check_not_negative("weight_decay", self.weight_decay)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v", "s", "s_max") if self.amsgrad else ("v", "s")

    @property
    def rule(self) -> Rule:
        return amsgrad_rule if self.amsgrad else adam_rule

    def scalars(self, t: Any) -> tuple[Any, ...]:
        step, root = corrections(t, self.beta1, self.beta2)
        eps = self.eps if self.eps_hat else self.eps * root
        return self.rate(t) * step, self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2, eps
