"""Comparing backends: how long a training step and each optimizer's update take, and how far that is from the least.

The timing is fair on a machine that others use too: in every round all backends take turns at the same work, so that
what slows the machine down for a while hits all of them, and a result is the median of the rounds.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from cutedl_xp._checks import check_integer, check_not_negative, check_sequence
from cutedl_xp.backends import Backend
from cutedl_xp.bench.cases import Case, Work, make_cases
from cutedl_xp.bench.choice import choose_backends
from cutedl_xp.bench.result import Result

__all__ = ["Result", "check_plan", "choose_backends", "compare", "measure"]

_MOST_CALLS = 2**16  # in one measurement; a device that answers at once would have them doubled without end
_MOST_NUMBERS = 2**28  # in the largest array: 1 GiB
_LONGEST_BLOCK = 60


def check_plan(widths: Sequence[int], batch_sizes: Sequence[int], rounds: int = 7, block_seconds: float = 0.05) -> None:
    """Refuse what :func:`compare` cannot time, and do nothing else.

    Parameters
    ----------
    widths, batch_sizes, rounds, block_seconds
        As there.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these, or an array would be larger than 1 GiB.
    """
    for width in check_sequence("widths", widths):
        check_integer("widths", width, at_least=1)
    if len(widths) < 2:
        raise ValueError(f"`widths` must be inputs and outputs at least, such as 784-10; got {_joined(widths)!r}")
    for batch_size in check_sequence("batch_sizes", batch_sizes):
        check_integer("batch_sizes", batch_size, at_least=1)
    if not batch_sizes or len(set(batch_sizes)) < len(batch_sizes):
        raise ValueError(f"`batch_sizes` must be at least one number, each of them once; got {list(batch_sizes)}")
    check_integer("rounds", rounds, at_least=2)
    if check_not_negative("block_seconds", block_seconds) > _LONGEST_BLOCK:
        raise ValueError(f"`block_seconds` must be {_LONGEST_BLOCK} or less; got {block_seconds!r}")
    parameters = sum((inputs + 1) * units for inputs, units in pairwise(widths))
    largest = max(parameters, max(widths) * max(batch_sizes))
    if largest > _MOST_NUMBERS:
        raise ValueError(
            f"a model of widths {_joined(widths)} with batches of {max(batch_sizes)} needs an array of "
            f"{largest:,} numbers, and the most that is timed is {_MOST_NUMBERS:,}; take smaller ones"
        )


def compare(
    backends: Sequence[Backend],
    widths: Sequence[int] = (784, 10),
    batch_sizes: Sequence[int] = (64,),
    rounds: int = 7,
    block_seconds: float = 0.05,
) -> list[Result]:
    """Time a training step and every optimizer's update on several backends.

    Parameters
    ----------
    backends
        At least one.
    widths
        Of a model of dense layers: inputs, hidden units, outputs. It has relu between the layers and softmax
        cross-entropy at the end, trains with Adam in float32, and takes shuffled batches from 60,000 random images
        of one byte a pixel.
    batch_sizes
        The training step is timed with each.
    rounds
        How often everything is measured, at least 2.
    block_seconds
        How long one measurement lasts at least, up to a minute: a call is repeated until then.

    Returns
    -------
    list of Result
        Task by task, and for each task backend by backend.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.

    Examples
    --------
    >>> from cutedl_xp import bench, get_backend
    >>> results = bench.compare([get_backend("numpy")], (4, 3), [2], rounds=2, block_seconds=0.0)
    >>> [result.task for result in results][:3]
    ['training step', 'update, Fixed', 'update, Adagrad']
    """
    check_plan(widths, batch_sizes, rounds, block_seconds)
    if not backends or not all(isinstance(backend, Backend) for backend in backends):
        raise ValueError(f"`backends` must be at least one backend, such as get_backend('numpy'); got {backends!r}")
    columns = [make_cases(backend, widths, batch_sizes) for backend in backends]
    tasks = [list(cases) for cases in zip(*columns, strict=True)]
    return measure(tasks, _joined(widths), rounds, block_seconds)


def measure(
    tasks: Sequence[Sequence[Case]],
    model: str,
    rounds: int,
    block_seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Result]:
    """Time cases in turn, round by round.

    Parameters
    ----------
    tasks
        For each task the cases to compare, one for each backend.
    model
        The name that the results bear.
    rounds, block_seconds
        As in :func:`compare`.
    clock
        Tells the seconds.
    """
    timers = [[_Timer(case, block_seconds, clock) for case in cases] for cases in tasks]
    for number in range(rounds):
        for row in timers:
            first = number % len(row)  # each backend comes first in its turn: what runs before may leave traces
            for timer in row[first:] + row[:first]:
                timer.measure()
    return [timer.result(model) for row in timers for timer in row]


def _joined(widths: Sequence[int]) -> str:
    return "-".join(map(str, widths))


class _Timer:
    """One case, warmed up, with what has been measured of it."""

    def __init__(self, case: Case, block_seconds: float, clock: Callable[[], float]) -> None:
        self._case, self._clock = case, clock
        self._calls = self._enough_calls(case.work, block_seconds)
        self._floor_calls = self._enough_calls(case.floor, block_seconds)
        self._seconds: list[float] = []
        self._floor_seconds: list[float] = []

    def measure(self) -> None:
        """One round: the work, and its floor at once after it."""
        self._seconds.append(self._block(self._case.work, self._calls) / self._calls)
        self._floor_seconds.append(self._block(self._case.floor, self._floor_calls) / self._floor_calls)

    def result(self, model: str) -> Result:
        """What all rounds gave."""
        case, backend = self._case, self._case.backend
        return Result(
            backend=backend.name,
            version=backend.version,
            device=str(backend.device),
            model=model,
            task=case.task,
            batch_size=case.batch_size,
            calls=self._calls,
            seconds=tuple(self._seconds),
            floor_seconds=tuple(self._floor_seconds),
            floor_amount=case.floor_amount,
            floor_unit=case.floor_unit,
        )

    def _enough_calls(self, work: Work, block_seconds: float) -> int:
        """How many calls last long enough. Finding out warms up: what is compiled and cached, is so afterwards."""
        calls = 1
        while self._block(work, calls) < block_seconds and calls < _MOST_CALLS:
            calls *= 2
        return calls

    def _block(self, work: Work, calls: int) -> float:
        """The seconds that so many calls take, after one that is not counted."""
        synchronize = self._case.backend.synchronize
        kept = work()
        synchronize()
        started = self._clock()
        for _ in range(calls):
            kept = work()
        synchronize()
        stopped = self._clock()
        del kept  # until here, as JAX waits for those results alone that somebody still holds
        return stopped - started
