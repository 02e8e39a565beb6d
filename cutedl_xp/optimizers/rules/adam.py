"""Adam: momentum and RMSProp with bias corrections."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_boolean, check_fraction, check_not_negative, check_positive
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, hyperparameter
from cutedl_xp.optimizers.rules._adam_family import corrections
from cutedl_xp.schedules._schedule import Schedule, check_rate


def adam_rule(xp: Namespace, w: Array, g: Array, v: Array, s: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element; the rate and eps include the corrections."""
    rate, beta1, one_minus_beta1, beta2, one_minus_beta2, eps = scalars
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    w = w - rate * v / (xp.sqrt(s) + eps)
    return w, v, s


def amsgrad_rule(
    xp: Namespace, w: Array, g: Array, v: Array, s: Array, s_max: Array, *scalars: float
) -> tuple[Array, ...]:
    """Compute one update, element by element, with the largest s so far."""
    rate, beta1, one_minus_beta1, beta2, one_minus_beta2, eps = scalars
    v = beta1 * v + one_minus_beta1 * g
    s = beta2 * s + one_minus_beta2 * (g * g)
    s_max = xp.maximum(s_max, s)
    w = w - rate * v / (xp.sqrt(s_max) + eps)
    return w, v, s, s_max


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class Adam(ElementwiseOptimizer):
    """Adam: the mean of recent gradients divided by their root mean square, both with bias correction.

    The update is::

        v = beta1 v + (1 - beta1) g
        s = beta2 s + (1 - beta2) g²
        v̂ = v / (1 - beta1^t)
        ŝ = s / (1 - beta2^t)
        w -= lr v̂ / (√ŝ + eps)

    The last three lines are computed as one, w -= lr √(1 - beta2^t) / (1 - beta1^t) v / (√s + √(1 - beta2^t) eps).

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 1e-4. The first steps
        of each entry have about this size.
    beta1, beta2
        Decay rates of the two means, between 0 and 1. The defaults are 0.9 and 0.99.
    eps
        Constant that keeps the quotient finite, greater than 0. The default is 1e-8.
    eps_hat
        Whether eps is added to the root of s before the correction, which is equivalent to an eps of
        eps / √(1 - beta2^t). The default is False.
    amsgrad
        Whether the largest s so far replaces s in ŝ, so that the rate of no entry increases after the corrections have
        become negligible. The default is False.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    v, s : the means of gradients and of squared gradients, of w's shape and dtype, initially 0.
    s_max : with ``amsgrad``, the largest s, of w's shape and dtype, initially 0.
    t : the number of updates, one for all parameters.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1, as in PyTorch and optax. The
    defaults are those of the article; the paper has lr = 1e-3 and beta2 = 0.999. Keras, Chainer and ONNX add eps before
    s is corrected (the paper's "eps hat"), as this class does with ``eps_hat``: at first this is equivalent to an eps
    ten times as large, later to the same eps. AMSGrad: Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond",
    2018, with bias corrections as in PyTorch and Keras; the paper has none, and optax uses the largest ŝ instead.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adam
    >>> rule, w = Adam(lr=0.1), np.array([0.0, 0.0])
    >>> w, state = rule.update(w, np.array([1e-3, -1e3]), rule.init(w))
    >>> w.round(4)
    array([-0.1,  0.1])
    """

    lr: float | Schedule = hyperparameter(1e-4, check_rate)
    beta1: float = hyperparameter(0.9, check_fraction)
    beta2: float = hyperparameter(0.99, check_fraction)
    eps: float = hyperparameter(1e-8, check_positive, kw_only=True)
    eps_hat: bool = hyperparameter(False, check_boolean, kw_only=True)
    amsgrad: bool = hyperparameter(False, check_boolean, kw_only=True)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)

    compilable = True

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
