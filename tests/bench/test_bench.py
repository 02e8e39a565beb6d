"""The tasks of a comparison, its timing and its errors; speed is not tested."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, bench, get_backend
from cutedl_xp._machine import count_cores, describe_machine
from cutedl_xp.bench import comparison
from cutedl_xp.bench.cases import Case, make_cases
from cutedl_xp.bench.floors import make_copy, make_products, repeated
from cutedl_xp.training.means import RunningMean
from optimizer_table import REFERENCES

RULES = sorted(rule.__name__ for rule in REFERENCES)


class FakeClock:
    """Clock that only the measured work advances."""

    def __init__(self) -> None:
        self.now, self.log = 0.0, []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.now += seconds
            self.log.append(name)

        return run


def fake_tasks(clock: FakeClock, tasks: dict[str, tuple[float, float]], backends: int = 1) -> list[list[Case]]:
    """Return for each task the seconds of its work and of its floor, for a number of backends."""
    return [
        [
            Case(
                get_backend("numpy"),
                task,
                5,
                repeated(clock.work(f"{task}{i}", work)),
                clock.work(f"floor {task}{i}", floor),
                7,
            )
            for i in range(backends)
        ]
        for task, (work, floor) in tasks.items()
    ]


class TestMeasure:
    def test_seconds_of_one_call(self) -> None:
        clock = FakeClock()
        (measured,) = bench.measure(fake_tasks(clock, {"a": (0.25, 0.125)}), "4-3", 3, 1.0, clock)
        assert measured.seconds == (0.25,) * 3
        assert measured.floor_seconds == (0.125,) * 3
        assert (measured.median, measured.spread, measured.share, measured.limit) == (0.25, 0.0, 0.5, 56.0)
        assert (measured.model, measured.task, measured.batch_size, measured.calls) == ("4-3", "a", 5, 4)

    def test_calls_are_doubled_until_they_last_long_enough(self) -> None:
        clock = FakeClock()
        slow, fast = bench.measure(fake_tasks(clock, {"slow": (3.0, 1.0), "fast": (0.25, 1.0)}), "4-3", 2, 3.0, clock)
        assert (slow.calls, fast.calls) == (1, 16)

    def test_work_that_takes_no_time_ends(self) -> None:
        clock = FakeClock()
        (case,), = fake_tasks(clock, {"a": (0.0, 0.0)})  # fmt: skip
        timer = comparison._Timer(case, 1.0, clock)
        assert timer._calls == comparison._MOST_CALLS

    def test_one_call_before_each_measurement_is_not_counted(self) -> None:
        clock = FakeClock()
        bench.measure(fake_tasks(clock, {"a": (1.0, 1.0)}), "4-3", 2, 1.0, clock)
        warm_up, rounds = clock.log[:4], clock.log[4:]
        assert warm_up == ["a0", "a0", "floor a0", "floor a0"]
        assert rounds == ["a0", "a0", "floor a0", "floor a0"] * 2

    def test_backends_take_turns_at_each_task_and_at_being_first(self) -> None:
        clock = FakeClock()
        bench.measure(fake_tasks(clock, {"a": (1.0, 1.0), "b": (1.0, 1.0)}, backends=2), "4-3", 2, 1.0, clock)
        order = [name for name in clock.log if not name.startswith("floor")][8::2]
        assert order == ["a0", "a1", "b0", "b1", "a1", "a0", "b1", "b0"]

    def test_results_come_task_by_task(self) -> None:
        clock = FakeClock()
        tasks = fake_tasks(clock, {"a": (1.0, 1.0), "b": (2.0, 1.0)}, backends=2)
        assert [r.median for r in bench.measure(tasks, "4-3", 3, 1.0, clock)] == [1.0, 1.0, 2.0, 2.0]

    def test_the_device_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = FakeClock()
        tasks = fake_tasks(clock, {"a": (1.0, 1.0)})
        monkeypatch.setattr(type(get_backend("numpy")), "synchronize", lambda self: clock.log.append("wait"))
        bench.measure(tasks, "4-3", 2, 1.0, clock)
        assert clock.log[:4] == ["a0", "wait", "a0", "wait"]


class TestCases:
    def test_a_step_of_each_batch_size_and_every_public_optimizer(self, backend: Backend) -> None:
        cases = make_cases(backend, (6, 4, 3), (2, 5))
        assert [(case.task, case.batch_size) for case in cases[:2]] == [("training step", 2), ("training step", 5)]
        assert sorted(case.task for case in cases[2:]) == [f"update, {name}" for name in RULES]

    def test_the_step_trains_and_takes_batch_after_batch(self, backend: Backend) -> None:
        (step, *_) = make_cases(backend, (3, 2), (40_000,))
        sums = []
        for _ in range(3):  # the rest of each epoch is left out
            mean = step.work(1)
            assert isinstance(mean, RunningMean)
            sums.append(RunningMean.read([mean])[0] * mean.size)
        losses = [after - before for before, after in pairwise([0.0, *sums])]
        assert all(math.isfinite(loss) and loss > 0 for loss in losses)
        assert len(set(losses)) == 3

    def test_products_are_those_of_the_step(self, backend: Backend) -> None:
        run, operations = make_products(backend, (6, 4, 3), 5)
        run()
        shapes = [tuple(product.shape) for product in run()]
        assert shapes == [(5, 4), (6, 4), (5, 3), (4, 3), (5, 4)]
        assert operations == 2 * 5 * (2 * 6 * 4 + 3 * 4 * 3)

    def test_the_first_layer_multiplies_the_given_input(self, backend: Backend) -> None:
        x = backend.asarray(np.ones((5, 6)), dtype="float32")
        (ones, *_) = make_products(backend, (6, 3), 5, x)[0]()
        (twos, *_) = make_products(backend, (6, 3), 5, 2.0 * x)[0]()
        np.testing.assert_allclose(backend.to_numpy(twos), 2.0 * backend.to_numpy(ones), rtol=1e-5)

    def test_a_copy_copies(self, backend: Backend) -> None:
        run, moved = make_copy(backend, numbers=7)
        copy = backend.to_numpy(run())
        assert copy.size == 4
        assert np.all(copy != 0.0)
        assert moved == 2 * 4 * 4

    def test_bytes_of_an_update(self) -> None:
        """w and each state are read and written, g is read; (4 + 1) 3 entries of 4 bytes."""
        amounts = {
            case.task: (case.floor_amount, case.floor_unit) for case in make_cases(get_backend("numpy"), (4, 3), [2])
        }
        assert amounts["training step"] == (2 * 2 * 2 * 4 * 3, "FLOP")
        even = 4  # a copy reads and writes, and 3, 5 or 7 arrays of 15 entries are odd numbers
        assert amounts["update, Fixed"] == (3 * 15 * 4 + even, "B")
        assert amounts["update, Momentum"] == (5 * 15 * 4 + even, "B")
        assert amounts["update, Adam"] == (7 * 15 * 4 + even, "B")


def test_compare(backend: Backend) -> None:
    results = bench.compare([backend], (6, 4, 3), [2, 5], rounds=2, block_seconds=0.0)
    assert len(results) == 2 + len(RULES)
    assert {(r.backend, r.version, r.device) for r in results} == {(backend.name, backend.version, str(backend.device))}
    assert all(r.model == "6-4-3" and len(r.seconds) == len(r.floor_seconds) == 2 for r in results)
    assert all(seconds > 0.0 for r in results for seconds in (*r.seconds, *r.floor_seconds))


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "one width": ({"widths": [784]}, ValueError, "`widths` must be inputs and outputs at least, such as 784-10; got"),
    "no units": ({"widths": [784, 0]}, ValueError, "`widths` must be 1 or greater; got 0"),
    "half a unit": ({"widths": [784, 1.5]}, TypeError, "`widths` must be an integer; got 1.5"),
    "no batch size": ({"batch_sizes": []}, ValueError, "`batch_sizes` must be at least one number"),
    "empty batch": ({"batch_sizes": [64, 0]}, ValueError, "`batch_sizes` must be 1 or greater; got 0"),
    "batch size twice": ({"batch_sizes": [64, 64]}, ValueError, "each of them once; got [64, 64]"),
    "one round": ({"rounds": 1}, ValueError, "`rounds` must be 2 or greater; got 1"),
    "no time": ({"block_seconds": -1.0}, ValueError, "`block_seconds` must be 0 or greater; got -1.0"),
    "an hour": ({"block_seconds": 3600.0}, ValueError, "`block_seconds` must be 60 or less; got 3600.0"),
    "too many parameters": ({"widths": [10**6, 10**6]}, ValueError, "1,000,001,000,000 numbers, and the most"),
    "too large a batch": ({"batch_sizes": [10**9]}, ValueError, "numbers, and the most that is timed is 268,435,456"),
    "no backend": ({"backends": []}, ValueError, "`backends` must be at least one backend"),
    "a name": ({"backends": ["numpy"]}, ValueError, "such as get_backend('numpy'); got ['numpy']"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "kind", "words"), WRONG.values(), ids=WRONG)
def test_refused_before_any_work(
    wrong: dict[str, Any], kind: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "make_cases", lambda *_: pytest.fail("work was done"))
    with pytest.raises(kind) as caught:
        bench.compare(**{"backends": [get_backend("numpy")], "widths": (784, 10)} | wrong)
    assert words in str(caught.value)


def test_machine_names_cores_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    assert describe_machine().startswith(f"{count_cores()} cores of ")
    assert describe_machine().endswith(", threads as each library chooses")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert describe_machine().endswith(", OMP_NUM_THREADS=3")
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert describe_machine().endswith(", OMP_NUM_THREADS=3, NVIDIA_TF32_OVERRIDE=0")
