"""Adadelta: steps measured by earlier steps, without a learning rate."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from cutedl_xp._checks import fraction, positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._optimizer import Optimizer


def adadelta_rule(
    xp: Namespace, w: Array, g: Array, s: Array, d: Array, rho: float, one_minus_rho: float, eps: float
) -> tuple[Array, ...]:
    """One update, element by element."""
    s = rho * s + one_minus_rho * (g * g)
    step = (xp.sqrt(d) + eps) / (xp.sqrt(s) + eps) * g
    d = rho * d + one_minus_rho * (step * step)
    w = w - step
    return w, s, d


@dataclass(eq=False)
class Adadelta(Optimizer):
    """Adadelta: the rate is the ratio of the root mean squares of recent steps and recent gradients::

        s = rho s + (1 - rho) g²
        Δ = (√d + eps) / (√s + eps) g
        d = rho d + (1 - rho) Δ²
        w -= Δ

    Parameters
    ----------
    rho
        How much of both means is kept at each update, between 0 and 1.
    eps
        The first step's measure, greater than 0: d is 0 then, so that Δ = eps / (√s + eps) g.

    State
    -----
    s, d : the means of squared gradients and of squared steps, of w's shape and dtype, at first 0.

    References
    ----------
    Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012. Warning: the paper, PyTorch, Keras and optax put eps
    under both roots, √(d + eps) / √(s + eps); here, as in the article, it is added to the roots. With eps = 1e-6 the
    first steps are then 1,000 times smaller, since √eps becomes eps.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adadelta
    >>> rule, w = Adadelta(rho=0.99, eps=0.01), np.array([0.0])
    >>> w, state = rule.update(w, np.array([1.0]), rule.init(w))
    >>> w.round(4)
    array([-0.0909])
    """

    rho: float = 0.99
    eps: float = field(default=1e-6, kw_only=True)

    slots: ClassVar = ("s", "d")
    rule: ClassVar = staticmethod(adadelta_rule)

    def __post_init__(self) -> None:
        self.rho = fraction("rho", self.rho)
        self.eps = positive("eps", self.eps)

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return self.rho, 1.0 - self.rho, self.eps
