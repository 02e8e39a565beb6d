"""Timing of a training step and of each optimizer's update on several backends.

In every round all backends run the same task in turn, so that a temporary slow-down of a shared machine affects all of
them; a result is the median of the rounds.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from cutedl_xp._checks import check_integer, check_not_negative, check_sequence
from cutedl_xp.backends import Backend
from cutedl_xp.bench.cases import Case, make_cases
from cutedl_xp.bench.choice import choose_backends
from cutedl_xp.bench.floors import repeated
from cutedl_xp.bench.result import Result

__all__ = ["Result", "check_plan", "choose_backends", "compare", "measure"]

_MOST_CALLS = 2**16  # limit of the calls in one measurement, as the doubling might not end on an asynchronous device
_MOST_NUMBERS = 2**28  # limit of the numbers in an array: 1 GiB
_LONGEST_BLOCK = 60


def check_plan(widths: Sequence[int], batch_sizes: Sequence[int], rounds: int = 7, block_seconds: float = 0.05) -> None:
    """Raise for arguments that :func:`compare` cannot time.

    Parameters
    ----------
    widths, batch_sizes, rounds, block_seconds
        Arguments of :func:`compare`.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value, or an array would be larger than 1 GiB.

    Examples
    --------
    >>> from cutedl_xp import bench
    >>> bench.check_plan(widths=(784, 128, 10), batch_sizes=(64, 256))
    """
    for width in check_sequence("widths", widths):
        check_integer("widths", width, at_least=1)
    if len(widths) < 2:
        raise ValueError(f"`widths` must be inputs and outputs at least, such as 784-10; got {_join_widths(widths)!r}")
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
            f"a model of widths {_join_widths(widths)} with batches of {max(batch_sizes)} needs an array of "
            f"{largest:,} numbers, and the most that is timed is {_MOST_NUMBERS:,}; take smaller ones"
        )


def compare(
    backends: Sequence[Backend],
    widths: Sequence[int] = (784, 10),
    batch_sizes: Sequence[int] = (64,),
    rounds: int = 7,
    block_seconds: float = 0.05,
    compiled: bool | None = None,
) -> list[Result]:
    """Time a training step and every optimizer's update on several backends.

    Parameters
    ----------
    backends
        Backends to time, at least one.
    widths
        Widths of a model of dense layers: inputs, hidden units, outputs. The model has relu between the layers, is
        trained by Adam with softmax cross-entropy in float32, and takes shuffled batches from 60,000 random images with
        one byte for each pixel.
    batch_sizes
        Batch sizes of the training steps.
    rounds
        Number of measurements of each task, at least 2.
    block_seconds
        Minimum duration of one measurement, at most 60 seconds; calls are repeated until then.
    compiled
        Argument of ``Session.fit``: whether the training steps are compiled; the default None compiles where possible.

    Returns
    -------
    list of Result
        Results sorted by task, and for each task by backend.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

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
    columns = [make_cases(backend, widths, batch_sizes, compiled) for backend in backends]
    tasks = [list(cases) for cases in zip(*columns, strict=True)]
    return measure(tasks, _join_widths(widths), rounds, block_seconds)


def measure(
    tasks: Sequence[Sequence[Case]],
    model: str,
    rounds: int,
    block_seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Result]:
    """Time tasks in turn, round by round.

    Parameters
    ----------
    tasks
        For each task the cases to compare, one for each backend.
    model
        Name of the model in the results.
    rounds, block_seconds
        Arguments of :func:`compare`.
    clock
        Function that returns the time in seconds.

    Returns
    -------
    list of Result
        Results sorted by task, and for each task by backend.

    Examples
    --------
    >>> from cutedl_xp import bench, get_backend
    >>> from cutedl_xp.bench.cases import make_cases
    >>> cases = make_cases(get_backend("numpy"), (4, 3), [2])
    >>> [result.task for result in bench.measure([cases[:1]], "4-3", rounds=2, block_seconds=0.0)]
    ['training step']
    """
    timers = [[_Timer(case, block_seconds, clock) for case in cases] for cases in tasks]
    for number in range(rounds):
        for row in timers:
            first = number % len(row)  # the order rotates, as earlier work may affect later work
            for timer in row[first:] + row[:first]:
                timer.measure()
    return [timer.result(model) for row in timers for timer in row]


def _join_widths(widths: Sequence[int]) -> str:
    return "-".join(map(str, widths))


class _Timer:
    """Warmed-up case and its measurements."""

    def __init__(self, case: Case, block_seconds: float, clock: Callable[[], float]) -> None:
        self._case, self._clock = case, clock
        self._floor = repeated(case.floor)
        self._calls = self._calibrate(case.work, block_seconds)
        self._floor_calls = self._calibrate(self._floor, block_seconds)
        self._seconds: list[float] = []
        self._floor_seconds: list[float] = []

    def measure(self) -> None:
        """Time the work, then its floor."""
        self._seconds.append(self._time_calls(self._case.work, self._calls) / self._calls)
        self._floor_seconds.append(self._time_calls(self._floor, self._floor_calls) / self._floor_calls)

    def result(self, model: str) -> Result:
        """Return the measurements of all rounds."""
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
            float32_products=backend.float32_products,
        )

    def _calibrate(self, work: Callable[[int], object], block_seconds: float) -> int:
        """Return the number of calls that last long enough; the calls also warm up compilers and caches."""
        calls = 1
        while self._time_calls(work, calls) < block_seconds and calls < _MOST_CALLS:
            calls *= 2
        return calls

    def _time_calls(self, work: Callable[[int], object], calls: int) -> float:
        """Return the duration of ``calls`` calls in seconds, after one call that is not counted."""
        synchronize = self._case.backend.synchronize
        kept = work(1)
        synchronize()
        started = self._clock()
        kept = work(calls)
        synchronize()
        stopped = self._clock()
        del kept  # referenced until here, as JAX waits only for results that are still referenced
        return stopped - started
