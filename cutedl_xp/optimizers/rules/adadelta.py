"""Adadelta: steps relative to earlier steps, without a learning rate."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_boolean, check_fraction, check_not_negative, check_positive
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, eps_places, hyperparameter
from cutedl_xp.schedules._schedule import Schedule, check_rate


def adadelta_rule(xp: Namespace, w: Array, g: Array, s: Array, d: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element."""
    lr, rho, one_minus_rho, eps_inside, eps = scalars
    s = rho * s + one_minus_rho * (g * g)
    step = (xp.sqrt(d + eps_inside) + eps) / (xp.sqrt(s + eps_inside) + eps) * g
    d = rho * d + one_minus_rho * (step * step)
    w = w - lr * step
    return w, s, d


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class Adadelta(ElementwiseOptimizer):
    """Adadelta: the rate is the ratio of the root mean squares of recent steps and recent gradients.

    The update is::

        s = rho s + (1 - rho) g²
        Δ = (√d + eps) / (√s + eps) g        or, with ``eps_inside_sqrt``, √(d + eps) / √(s + eps) g
        d = rho d + (1 - rho) Δ²
        w -= lr Δ

    Parameters
    ----------
    rho
        Decay rate of both means, between 0 and 1. The default is 0.99.
    lr
        Factor of the step, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 1.
    eps
        Constant that determines the size of the first step, greater than 0: d is 0 at first, so that
        Δ = eps / (√s + eps) g. The default is 1e-6.
    eps_inside_sqrt
        Whether eps is added under both roots. The default is False.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    s, d : the means of squared gradients and of squared steps, of w's shape and dtype, initially 0.

    References
    ----------
    Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012. Warning: the paper, PyTorch, Keras and optax add eps
    under both roots, √(d + eps) / √(s + eps), as this class does with ``eps_inside_sqrt``. By default eps is added to
    the roots, as in the article: with eps = 1e-6 the first steps are 1,000 times smaller, because eps replaces √eps.
    The paper has no lr; the default of PyTorch is 1, the default of Keras 0.001.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adadelta
    >>> rule, w = Adadelta(rho=0.99, eps=0.01), np.array([0.0])
    >>> w, state = rule.update(w, np.array([1.0]), rule.init(w))
    >>> w.round(4)
    array([-0.0909])
    """

    rho: float = hyperparameter(0.99, check_fraction)
    lr: float | Schedule = hyperparameter(1.0, check_rate, kw_only=True)
    eps: float = hyperparameter(1e-6, check_positive, kw_only=True)
    eps_inside_sqrt: bool = hyperparameter(False, check_boolean, kw_only=True)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)

    compilable = True
    slots = ("s", "d")
    rule = staticmethod(adadelta_rule)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t), self.rho, 1.0 - self.rho, *eps_places(self.eps, self.eps_inside_sqrt)
