"""Learning rates along waves of the cosine."""

import math
from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_fraction, check_integer, check_not_negative, check_positive
from cutedl_xp.schedules._schedule import completed_fraction, scalar_functions


def _half_cosine(start: float, end: float, done: Any) -> Any:
    """From one rate to another along half a wave of the cosine."""
    return end + (start - end) * (1.0 + scalar_functions(done).cos(math.pi * done)) / 2.0


@dataclass(frozen=True)
class Cosine:
    """A rate that falls along half a wave of the cosine: end + (lr - end) (1 + cos(π k / updates)) / 2; then it stays.

    Parameters
    ----------
    lr
        The rate at first, greater than 0.
    updates
        How long it falls, at least 1.
    end
        The rate from then on, at least 0.

    References
    ----------
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, equation 5.

    Examples
    --------
    >>> from cutedl_xp.schedules import Cosine
    >>> [Cosine(1.0, updates=10)(k) for k in (0, 10, 99)]
    [1.0, 0.0, 0.0]
    """

    lr: float
    updates: int
    end: float = 0.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_integer("updates", self.updates, at_least=1)
        check_not_negative("end", self.end)

    def __call__(self, update: Any) -> Any:
        return _half_cosine(self.lr, self.end, completed_fraction(update, self.updates))


@dataclass(frozen=True)
class CosineRestarts:
    """Cosine that starts anew each time it has come to its end, and takes longer each time.

    Parameters
    ----------
    lr
        The rate at each start, greater than 0.
    updates
        How long the first fall takes, at least 1.
    growth
        How many times as long each fall takes as the one before, at least 1.
    end
        The rate just before a start, at least 0.

    References
    ----------
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.

    Examples
    --------
    >>> from cutedl_xp.schedules import CosineRestarts
    >>> [round(CosineRestarts(1.0, updates=10, growth=2)(k), 3) for k in (0, 9, 10, 20, 29, 30)]
    [1.0, 0.024, 1.0, 0.5, 0.006, 1.0]
    """

    lr: float
    updates: int
    growth: int = 1
    end: float = 0.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_integer("updates", self.updates, at_least=1)
        check_integer("growth", self.growth, at_least=1)
        check_not_negative("end", self.end)

    def __call__(self, update: Any) -> Any:
        if self.growth == 1:
            return _half_cosine(self.lr, self.end, (update % self.updates) / self.updates)
        functions, growth = scalar_functions(update), self.growth
        middle = (update + 0.5) / self.updates  # of the update, so that rounding takes none into the fall beside
        restarts = functions.floor(functions.log(middle * (growth - 1) + 1.0) / math.log(growth))
        length = self.updates * growth**restarts
        begun = self.updates * (growth**restarts - 1) / (growth - 1)
        return _half_cosine(self.lr, self.end, (update - begun) / length)


@dataclass(frozen=True)
class OneCycle:
    """A rate that rises to its peak and falls to nearly nothing, both along half a wave of the cosine; then it stays.

    Parameters
    ----------
    lr
        The rate at the peak, greater than 0.
    updates
        Of the whole cycle, at least 2.
    rising
        The share of them until the peak, between 0 and 1.
    start_divisor, end_divisor
        What the peak is divided by at the beginning and at the end, greater than 0.

    References
    ----------
    Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2018. With
    the cosine and the defaults of PyTorch's OneCycleLR, whose momentum is left alone here.

    Examples
    --------
    >>> from cutedl_xp.schedules import OneCycle
    >>> [round(OneCycle(1.0, updates=101)(k), 6) for k in (0, 30, 101)]
    [0.04, 0.999758, 4e-06]
    """

    lr: float
    updates: int
    rising: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 250_000.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_integer("updates", self.updates, at_least=2)
        check_fraction("rising", self.rising)
        check_positive("start_divisor", self.start_divisor)
        check_positive("end_divisor", self.end_divisor)

    def __call__(self, update: Any) -> Any:
        functions = scalar_functions(update)
        last = self.updates - 1
        peak = max(self.rising * self.updates - 1.0, 0.5)
        up = _half_cosine(self.lr / self.start_divisor, self.lr, functions.minimum(update, peak) / peak)
        down = _half_cosine(
            self.lr, self.lr / self.end_divisor, (functions.minimum(update, last) - peak) / (last - peak)
        )
        return functions.where(update <= peak, up, down)
