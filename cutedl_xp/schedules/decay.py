"""Learning rates that fall: all at once, as a power, or as one over the time."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_integer, check_not_negative, check_positive
from cutedl_xp.schedules._schedule import completed_fraction


@dataclass(frozen=True)
class Step:
    """A rate that falls at once, every so many updates: lr factor^⌊k / every⌋.

    Parameters
    ----------
    lr
        The rate at first, greater than 0.
    every
        Updates between two falls, at least 1.
    factor
        What it is multiplied by, greater than 0.

    Examples
    --------
    >>> from cutedl_xp.schedules import Step
    >>> [Step(1.0, every=10, factor=0.5)(k) for k in (0, 9, 10, 25)]
    [1.0, 1.0, 0.5, 0.25]
    """

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_integer("every", self.every, at_least=1)
        check_positive("factor", self.factor)

    def __call__(self, update: Any) -> Any:
        return self.lr * self.factor ** (update // self.every)


@dataclass(frozen=True)
class Exponential:
    """A rate that falls by a constant share: lr factor^(k / every).

    Parameters
    ----------
    lr
        The rate at first, greater than 0.
    factor
        What it is multiplied by in so many updates, greater than 0.
    every
        Updates, at least 1.

    Examples
    --------
    >>> from cutedl_xp.schedules import Exponential
    >>> [Exponential(1.0, factor=0.25, every=10)(k) for k in (0, 5, 10)]
    [1.0, 0.5, 0.25]
    """

    lr: float
    factor: float
    every: int = 1

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_positive("factor", self.factor)
        check_integer("every", self.every, at_least=1)

    def __call__(self, update: Any) -> Any:
        return self.lr * self.factor ** (update / self.every)


@dataclass(frozen=True)
class InverseTime:
    """A rate that falls as one over the time: lr / (1 + k / half_life).

    With it stochastic gradient descent converges where the noise does not go away (Robbins and Monro, 1951).

    Parameters
    ----------
    lr
        The rate at first, greater than 0.
    half_life
        Updates until it is half of that, greater than 0.

    Examples
    --------
    >>> from cutedl_xp.schedules import InverseTime
    >>> [InverseTime(1.0, half_life=10)(k) for k in (0, 10, 30)]
    [1.0, 0.5, 0.25]
    """

    lr: float
    half_life: float

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_positive("half_life", self.half_life)

    def __call__(self, update: Any) -> Any:
        return self.lr / (1.0 + update / self.half_life)


@dataclass(frozen=True)
class Polynomial:
    """A rate that falls along a power: end + (lr - end) (1 - k / updates)^power, and stays at its end.

    Parameters
    ----------
    lr
        The rate at first, greater than 0.
    updates
        How long it falls, at least 1.
    end
        The rate from then on, at least 0.
    power
        1 for a straight line; greater than 0.

    Examples
    --------
    >>> from cutedl_xp.schedules import Polynomial
    >>> [Polynomial(1.0, updates=10)(k) for k in (0, 5, 10, 99)]
    [1.0, 0.5, 0.0, 0.0]
    """

    lr: float
    updates: int
    end: float = 0.0
    power: float = 1.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_integer("updates", self.updates, at_least=1)
        check_not_negative("end", self.end)
        check_positive("power", self.power)

    def __call__(self, update: Any) -> Any:
        return self.end + (self.lr - self.end) * (1.0 - completed_fraction(update, self.updates)) ** self.power
