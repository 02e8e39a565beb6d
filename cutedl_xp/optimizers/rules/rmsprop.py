"""RMSProp: Adagrad with a mean of recent squared gradients instead of the sum of all."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_boolean, check_fraction, check_not_negative, check_positive, check_real
from cutedl_xp._familiar import OF_RULES, refuse_keywords
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, eps_places, hyperparameter
from cutedl_xp.schedules._schedule import Schedule, check_rate


def rmsprop_rule(xp: Namespace, w: Array, g: Array, s: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update, element by element."""
    lr, rho, one_minus_rho, eps_in, eps = scalars
    s = rho * s + one_minus_rho * (g * g)
    w = w - lr * g / (xp.sqrt(s + eps_in) + eps)
    return w, s


def momentum_rule(xp: Namespace, w: Array, g: Array, s: Array, v: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update with momentum, element by element."""
    lr, rho, one_minus_rho, eps_in, eps, momentum = scalars
    s = rho * s + one_minus_rho * (g * g)
    v = momentum * v + g / (xp.sqrt(s + eps_in) + eps)
    w = w - lr * v
    return w, s, v


def centered_rule(xp: Namespace, w: Array, g: Array, s: Array, m: Array, *scalars: float) -> tuple[Array, ...]:
    """Compute one update by the standard deviation, element by element."""
    lr, rho, one_minus_rho, eps_in, eps = scalars
    s = rho * s + one_minus_rho * (g * g)
    m = rho * m + one_minus_rho * g
    variance = xp.abs(s - m * m)  # rounding can make the difference negative
    w = w - lr * g / (xp.sqrt(variance + eps_in) + eps)
    return w, s, m


def centered_momentum_rule(
    xp: Namespace, w: Array, g: Array, s: Array, m: Array, v: Array, *scalars: float
) -> tuple[Array, ...]:
    """Compute one update by the standard deviation and with momentum, element by element."""
    lr, rho, one_minus_rho, eps_in, eps, momentum = scalars
    s = rho * s + one_minus_rho * (g * g)
    m = rho * m + one_minus_rho * g
    variance = xp.abs(s - m * m)  # rounding can make the difference negative
    v = momentum * v + g / (xp.sqrt(variance + eps_in) + eps)
    w = w - lr * v
    return w, s, m, v


def _check_momentum(argument: str, value: Any) -> float:
    number = check_real(argument, value)
    if not 0.0 <= number < 1.0:
        raise ValueError(f"`{argument}` must be at least 0 and below 1; got {number!r}")
    return number


@refuse_keywords(OF_RULES)
@dataclass(eq=False)
class RMSProp(ElementwiseOptimizer):
    """RMSProp: the rate of each entry is divided by the root mean square of its recent gradients.

    The update is::

        s = rho s + (1 - rho) g²
        w -= lr g / (√s + eps)               or, with ``eps_inside_sqrt``, lr g / √(s + eps)

    With ``centered`` the standard deviation replaces the root mean square, and with ``momentum`` a buffer accumulates
    the quotients::

        m = rho m + (1 - rho) g              √(s - m²) replaces √s
        v = momentum v + g / (√s + eps)
        w -= lr v

    Parameters
    ----------
    lr
        Learning rate, greater than 0, or a schedule of :mod:`cutedl_xp.schedules`. The default is 1e-4.
    rho
        Decay rate of the mean over about 1 / (1 - rho) gradients, between 0 and 1. The default is 0.99.
    eps
        Constant that keeps the quotient finite, greater than 0. The default is 1e-6.
    eps_inside_sqrt
        Whether eps is added under the root. The default is False.
    centered
        Whether the squared mean of the gradients is subtracted. The absolute value of the difference is used, because
        rounding can make the difference negative. The default is False.
    momentum
        Decay rate of the buffer, at least 0 and below 1. The default is 0, no buffer.
    weight_decay
        Coefficient of the term ``weight_decay * w`` that is added to the gradient, at least 0. The default is 0.

    State
    -----
    s : the mean of squared gradients, of w's shape and dtype, initially 0 and without bias correction, so that the
    first step is lr / √(1 - rho).
    m : with ``centered``, the mean of gradients, of w's shape and dtype, initially 0.
    v : with ``momentum``, the buffer, of w's shape and dtype, initially 0.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012, without an eps. eps is added to the root, as in PyTorch, where
    the default is 1e-8; Keras and optax add eps under the root. Centered: Graves, "Generating Sequences With Recurrent
    Neural Networks", 2013, equations 38 to 45. The buffer is the same as in PyTorch; the buffer of Keras and optax
    includes lr, with the same results if lr is constant.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import RMSProp
    >>> rule, w = RMSProp(lr=0.1, rho=0.99), np.array([0.0])
    >>> w, state = rule.update(w, np.array([3.0]), rule.init(w))
    >>> w.round(4), state["s"].round(4)
    (array([-1.]), array([0.09]))
    """

    lr: float | Schedule = hyperparameter(1e-4, check_rate)
    rho: float = hyperparameter(0.99, check_fraction)
    eps: float = hyperparameter(1e-6, check_positive, kw_only=True)
    eps_inside_sqrt: bool = hyperparameter(False, check_boolean, kw_only=True)
    centered: bool = hyperparameter(False, check_boolean, kw_only=True)
    momentum: float = hyperparameter(0.0, _check_momentum, kw_only=True)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)

    compilable = True

    @property
    def slots(self) -> tuple[str, ...]:
        return ("s", *(("m",) if self.centered else ()), *(("v",) if self.momentum else ()))

    @property
    def rule(self) -> Rule:
        if self.centered:
            return centered_momentum_rule if self.momentum else centered_rule
        return momentum_rule if self.momentum else rmsprop_rule

    def scalars(self, t: Any) -> tuple[Any, ...]:
        scalars = self.rate(t), self.rho, 1.0 - self.rho, *eps_places(self.eps, self.eps_inside_sqrt)
        return (*scalars, self.momentum) if self.momentum else scalars
