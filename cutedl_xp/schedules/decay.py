"""Decaying learning rates."""

import warnings
from dataclasses import dataclass
from typing import Any

from cutedl_xp._checks import check_integer, check_not_negative, check_positive
from cutedl_xp.schedules._schedule import compute_progress


@dataclass(frozen=True)
class Step:
    """Step decay: lr factor^⌊k / every⌋ at update k.

    Parameters
    ----------
    lr
        Initial rate, greater than 0.
    every
        Number of updates between two steps, at least 1.
    factor
        Factor of each step, greater than 0. The default is 0.1.

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
    """Exponential decay: lr factor^(k / every) at update k.

    Parameters
    ----------
    lr
        Initial rate, greater than 0.
    factor
        Factor of the decay in ``every`` updates, greater than 0.
    every
        Number of updates that the factor applies to, at least 1. The default is 1.

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


@dataclass(frozen=True, init=False)
class InverseTime:
    """Inverse time decay: lr / (1 + k / decay_steps) at update k.

    With this schedule stochastic gradient descent converges under constant noise (Robbins and Monro, 1951).

    Parameters
    ----------
    lr
        Initial rate, greater than 0.
    decay_steps
        Number of updates until the rate is half of the initial one, greater than 0.
    half_life
        Deprecated name of ``decay_steps``; default None. One of the two must be given.

    Examples
    --------
    >>> from cutedl_xp.schedules import InverseTime
    >>> [InverseTime(1.0, decay_steps=10)(k) for k in (0, 10, 30)]
    [1.0, 0.5, 0.25]
    """

    lr: float
    decay_steps: float

    def __init__(self, lr: float, decay_steps: float | None = None, *, half_life: float | None = None) -> None:
        if (decay_steps is None) is (half_life is None):
            raise TypeError(
                f"`decay_steps` must be given once, without its deprecated name `half_life`; "
                f"got decay_steps={decay_steps!r} and half_life={half_life!r}"
            )
        if half_life is not None:
            _warn_about_half_life()
            decay_steps = half_life
        check_positive("lr", lr)
        check_positive("decay_steps", decay_steps)
        object.__setattr__(self, "lr", lr)
        object.__setattr__(self, "decay_steps", decay_steps)

    @property
    def half_life(self) -> float:
        """Deprecated name of ``decay_steps``."""
        _warn_about_half_life()
        return self.decay_steps

    def __call__(self, update: Any) -> Any:
        return self.lr / (1.0 + update / self.decay_steps)


def _warn_about_half_life() -> None:
    warnings.warn("`half_life` of InverseTime is deprecated; use `decay_steps`", DeprecationWarning, stacklevel=3)


@dataclass(frozen=True)
class Polynomial:
    """Polynomial decay: end + (lr - end) (1 - k / updates)^power at update k, then constant.

    Parameters
    ----------
    lr
        Initial rate, greater than 0.
    updates
        Number of updates until the final rate, at least 1.
    end
        Final rate, at least 0. The default is 0.
    power
        Exponent, greater than 0. The default is 1, a linear decay.

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
        return self.end + (self.lr - self.end) * (1.0 - compute_progress(update, self.updates)) ** self.power
