"""Schedules that consist of half waves of the cosine."""

import math
from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_fraction, check_integer, check_not_negative, check_positive
from cutedl_xp.schedules._schedule import compute_progress, get_functions


def _interpolate(start: float, end: float, progress: Any) -> Any:
    """Return the rate between start and end, along half a wave of the cosine; progress is from 0 to 1."""
    return end + (start - end) * (1.0 + get_functions(progress).cos(math.pi * progress)) / 2.0


@dataclass(frozen=True)
class Cosine:
    """Cosine decay: end + (lr - end) (1 + cos(π k / updates)) / 2 at update k, then constant.

    Parameters
    ----------
    lr
        Initial rate, greater than 0.
    updates
        Number of updates until the final rate, at least 1.
    end
        Final rate, at least 0. The default is 0.

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
        return _interpolate(self.lr, self.end, compute_progress(update, self.updates))


@dataclass(frozen=True)
class CosineRestarts:
    """Cosine decay that restarts at its end, with cycles of growing length.

    Parameters
    ----------
    lr
        Rate at the start of each cycle, greater than 0.
    updates
        Length of the first cycle in updates, at least 1.
    growth
        Ratio between the lengths of a cycle and the previous cycle, an integer of at least 1. The default is 1.
    end
        Rate that each cycle approaches, at least 0. The default is 0.

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
            return _interpolate(self.lr, self.end, (update % self.updates) / self.updates)
        functions, growth = get_functions(update), self.growth
        middle = (update + 0.5) / self.updates  # so that rounding cannot move the update into another cycle
        restarts = functions.floor(functions.log(middle * (growth - 1) + 1.0) / math.log(growth))
        length = self.updates * growth**restarts
        begun = self.updates * (growth**restarts - 1) / (growth - 1)
        return _interpolate(self.lr, self.end, (update - begun) / length)


@dataclass(frozen=True)
class OneCycle:
    """One cycle: a cosine increase to the peak, a cosine decay to almost 0, then constant.

    Parameters
    ----------
    lr
        Rate at the peak, greater than 0.
    updates
        Length of the cycle in updates, at least 2.
    rising
        Fraction of the cycle before the peak, between 0 and 1. The default is 0.3.
    start_divisor, end_divisor
        Ratios of the peak to the initial and to the final rate, greater than 0. The defaults are 25 and 250,000.

    References
    ----------
    Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2018. The
    form and the defaults are those of PyTorch's OneCycleLR, except that the momentum stays constant.

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
        functions = get_functions(update)
        last = self.updates - 1
        peak = max(self.rising * self.updates - 1.0, 0.5)
        up = _interpolate(self.lr / self.start_divisor, self.lr, functions.minimum(update, peak) / peak)
        down = _interpolate(
            self.lr, self.lr / self.end_divisor, (functions.minimum(update, last) - peak) / (last - peak)
        )
        return functions.where(update <= peak, up, down)
