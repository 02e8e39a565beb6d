"""Schedules composed of constants and of other schedules."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cutedl_xp._checks import check_integer, check_not_negative, check_sequence
from cutedl_xp.schedules._schedule import Schedule, check_rate, compute_progress, get_functions


@dataclass(frozen=True)
class Constant:
    """Constant rate, equivalent to a number.

    Parameters
    ----------
    lr
        Learning rate, at least 0.

    Examples
    --------
    >>> from cutedl_xp.schedules import Constant
    >>> Constant(0.1)(1000)
    0.1
    """

    lr: float

    def __post_init__(self) -> None:
        check_not_negative("lr", self.lr)

    def __call__(self, update: Any) -> Any:
        return self.lr


@dataclass(frozen=True)
class Warmup:
    """Linear warm-up, followed by another schedule from its start.

    Parameters
    ----------
    then
        Schedule or number that follows the warm-up. The warm-up increases to the first rate of ``then``.
    updates
        Number of updates in the warm-up, at least 1.
    start
        Rate of the first update, at least 0. The default is 0.

    References
    ----------
    Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017, section 2.2.

    Examples
    --------
    >>> from cutedl_xp.schedules import Step, Warmup
    >>> [Warmup(Step(1.0, every=10), updates=4)(k) for k in (0, 1, 4, 13, 14)]
    [0.0, 0.25, 1.0, 1.0, 0.1]
    """

    then: float | Schedule
    updates: int
    start: float = 0.0

    def __post_init__(self) -> None:
        check_rate("then", self.then)
        check_integer("updates", self.updates, at_least=1)
        check_not_negative("start", self.start)

    def __call__(self, update: Any) -> Any:
        def rising(update: Any) -> Any:
            return self.start + (_evaluate(self.then, 0) - self.start) * compute_progress(update, self.updates)

        return _select(update, (self.updates,), (rising, self.then))


@dataclass(frozen=True)
class Piecewise:
    """Constant rates, each for an interval of updates.

    Parameters
    ----------
    boundaries
        Updates at which the next rate starts, in increasing order.
    rates
        Rates of the intervals, one more than boundaries, each at least 0.

    Examples
    --------
    >>> from cutedl_xp.schedules import Piecewise
    >>> [Piecewise([10, 20], [1.0, 0.5, 0.1])(k) for k in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.1]
    """

    boundaries: Sequence[int]
    rates: Sequence[float]

    def __post_init__(self) -> None:
        _check_boundaries("rates", self.boundaries, self.rates)
        for place, value in enumerate(self.rates):
            check_not_negative(f"rates[{place}]", value)

    def __call__(self, update: Any) -> Any:
        return _select(update, self.boundaries, self.rates)


@dataclass(frozen=True)
class Chain:
    """Schedules in sequence, each from its own start.

    Parameters
    ----------
    boundaries
        Updates at which the next schedule starts, in increasing order.
    schedules
        Schedules of the intervals, one more than boundaries; a number is a constant rate.

    Examples
    --------
    >>> from cutedl_xp.schedules import Chain, Constant, Exponential
    >>> chain = Chain([10], [Constant(1.0), Exponential(0.5, factor=0.5)])
    >>> [chain(k) for k in (0, 9, 10, 11)]
    [1.0, 1.0, 0.5, 0.25]
    """

    boundaries: Sequence[int]
    schedules: Sequence[float | Schedule]

    def __post_init__(self) -> None:
        _check_boundaries("schedules", self.boundaries, self.schedules)
        for place, schedule in enumerate(self.schedules):
            check_rate(f"schedules[{place}]", schedule)

    def __call__(self, update: Any) -> Any:
        return _select(update, self.boundaries, self.schedules)


def _evaluate(piece: float | Schedule, update: Any) -> Any:
    """Return the rate of a schedule or a constant at an update."""
    return piece(update) if callable(piece) else piece


def _select(update: Any, boundaries: Sequence[int], pieces: Sequence[float | Schedule]) -> Any:
    """Return the rate of the piece that contains the update; under tracing all pieces are evaluated."""
    starts = (0, *boundaries)
    if isinstance(update, int):
        place = bisect_right(boundaries, update)
        return _evaluate(pieces[place], update - starts[place])
    functions = get_functions(update)
    values = [_evaluate(each, functions.maximum(update - start, 0)) for each, start in zip(pieces, starts, strict=True)]
    chosen = values[0]
    for boundary, value in zip(boundaries, values[1:], strict=True):
        chosen = functions.where(update < boundary, chosen, value)
    return chosen


def _check_boundaries(argument: str, boundaries: Any, values: Any) -> None:
    numbers = [
        check_integer(f"boundaries[{i}]", number, at_least=1)
        for i, number in enumerate(check_sequence("boundaries", boundaries))
    ]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise ValueError(f"`boundaries` must each be greater than the one before; got {boundaries!r}")
    if len(check_sequence(argument, values)) != len(numbers) + 1:
        raise ValueError(
            f"`{argument}` must be one more than `boundaries`; got {len(values)} for {len(numbers)} boundaries"
        )
