"""Adagrad: a rate for each entry, which decreases with each gradient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_boolean, check_not_negative, check_positive
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, eps_places, hyperparameter
from cutedl_xp.schedules._schedule import Schedule, check_rate


def adagrad_rule(xp: Namespace, w: Array, g: Array, s: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element."""
    lr, eps_inside, eps = scalars
    s = s + g * g
    w = w - lr * g / (xp.sqrt(s + eps_inside) + eps)
    return w, s


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class Adagrad(ElementwiseOptimizer):
    """Adagrad: the rate of each entry is divided by the root of the sum of its squared gradients.

    The update is::

        s += g²
        w -= lr g / (√s + eps)        or, with ``eps_inside_sqrt``, lr g / √(s + eps)

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 0.1.
    eps
        Constant that keeps the quotient finite before the first gradient, greater than 0. The default is 1e-6.
    eps_inside_sqrt
        Whether eps is added under the root. The default is False.
    initial_accumulator
        Initial value of s, at least 0. The default is 0; a larger value shortens the first steps.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    s : the sum of squared gradients, of w's shape and dtype, initially ``initial_accumulator``.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011, the
    diagonal variant. eps is added to the root, as in PyTorch, where the default is 1e-10; Keras and optax add eps under
    the root and start with s = 0.1.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adagrad
    >>> rule, w, g = Adagrad(lr=1.0), np.array([0.0, 0.0]), np.array([0.5, -20.0])
    >>> w, state = rule.update(w, g, rule.init(w))
    >>> w.round(5), state["s"]
    (array([-1.,  1.]), array([2.5e-01, 4.0e+02]))
    """

    lr: float | Schedule = hyperparameter(0.1, check_rate)
    eps: float = hyperparameter(1e-6, check_positive, kw_only=True)
    eps_inside_sqrt: bool = hyperparameter(False, check_boolean, kw_only=True)
    initial_accumulator: float = hyperparameter(0.0, check_not_negative, kw_only=True)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)

    compilable = True
    slots = ("s",)
    rule = staticmethod(adagrad_rule)

    def slot_initial_values(self) -> Mapping[str, float]:
        return {"s": self.initial_accumulator}

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t), *eps_places(self.eps, self.eps_inside_sqrt)
