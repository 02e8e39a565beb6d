"""Adagrad: a rate for each entry that falls with the gradients it has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cutedl_xp._checks import check_boolean, check_not_negative, check_positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, eps_places
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import check_rate


def adagrad_rule(
    xp: Namespace, w: Array, g: Array, s: Array, lr: float, eps_inside: float, eps: float
) -> tuple[Array, ...]:
    """One update, element by element."""
    s = s + g * g
    w = w - lr * g / (xp.sqrt(s + eps_inside) + eps)
    return w, s


@dataclass(eq=False)
class Adagrad(ElementwiseOptimizer):
    """Adagrad: each entry's rate is divided by the root of the sum of its squared gradients::

        s += g²
        w -= lr g / (√s + eps)        or, with ``eps_inside_sqrt``, lr g / √(s + eps)

    Parameters
    ----------
    lr
        The learning rate, greater than 0, or one of :mod:`cutedl_xp.schedules`.
    eps
        Keeps the quotient finite where no gradient has been; greater than 0.
    eps_inside_sqrt
        Whether eps stands under the root.
    initial_accumulator
        What s is at first, at least 0; it shortens the first steps.
    weight_decay
        What is added to the gradient, times w; at least 0.

    State
    -----
    s : the sum of squared gradients, of w's shape and dtype, at first ``initial_accumulator``.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011, the
    diagonal variant. eps is added to the root, as in PyTorch (where it is 1e-10); Keras and optax put theirs under
    the root and start s at 0.1.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adagrad
    >>> rule, w, g = Adagrad(lr=1.0), np.array([0.0, 0.0]), np.array([0.5, -20.0])
    >>> w, state = rule.update(w, g, rule.init(w))
    >>> w.round(5), state["s"]
    (array([-1.,  1.]), array([2.5e-01, 4.0e+02]))
    """

    lr: float | Schedule = 0.1
    eps: float = field(default=1e-6, kw_only=True)
    eps_inside_sqrt: bool = field(default=False, kw_only=True)
    initial_accumulator: float = field(default=0.0, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)

    slots = ("s",)
    rule = staticmethod(adagrad_rule)

    def __post_init__(self) -> None:
        self.lr = check_rate("lr", self.lr)
        self.eps = check_positive("eps", self.eps)
        check_boolean("eps_inside_sqrt", self.eps_inside_sqrt)
        self.initial_accumulator = check_not_negative("initial_accumulator", self.initial_accumulator)
        self.weight_decay = check_not_negative("weight_decay", self.weight_decay)

    def slot_initial_values(self) -> Mapping[str, float]:
        return {"s": self.initial_accumulator}

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rate(t), *eps_places(self.eps, self.eps_inside_sqrt)
