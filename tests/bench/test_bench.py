"""What a comparison of backends measures, its arithmetic, its files, what it refuses; never how fast anything is."""

import csv
import io
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, BackendUnavailable, bench, get_backend
from cutedl_xp.bench import choice, comparison, report
from cutedl_xp.bench.cases import Case, make_cases
from cutedl_xp.bench.comparison import Result
from cutedl_xp.bench.floors import make_copy, make_products
from cutedl_xp.bench.machine import count_cores, describe_machine
from optimizer_table import REFERENCES

RULES = sorted(rule.__name__ for rule in REFERENCES)


def result(**changes: Any) -> Result:
    """Four rounds of 1, 2, 3 and 4 ms, of which the floor takes 10, 20, 30 and 40 %."""
    values: dict[str, Any] = {
        "backend": "numpy", "version": "2", "device": "cpu", "model": "4-3", "task": "training step", "batch_size": 5,
        "calls": 8, "seconds": (1e-3, 2e-3, 3e-3, 4e-3), "floor_seconds": (1e-4, 4e-4, 9e-4, 16e-4),
        "floor_amount": 1_300, "floor_unit": "FLOP",
    }  # fmt: skip
    return Result(**values | changes)


UPDATE = {"task": "update, Adam", "batch_size": 0, "floor_unit": "B"}


class TestResult:
    def test_median_of_the_rounds(self) -> None:
        assert result().median == 2.5e-3
        assert result(seconds=(5.0, 1.0, 2.0)).median == 2.0

    def test_spread_is_the_distance_of_the_quartiles(self) -> None:
        assert result().quartiles == pytest.approx((1.75e-3, 3.25e-3))
        assert result().spread == pytest.approx(1.5 / 2.5)

    def test_samples_a_second(self) -> None:
        assert result().samples_per_second == pytest.approx(2_000.0)
        assert result(**UPDATE).samples_per_second == 0.0

    def test_share_is_the_median_of_what_the_rounds_had(self) -> None:
        assert result().share == pytest.approx(0.25)

    def test_limit_is_the_rate_of_the_floor(self) -> None:
        assert result().limit == pytest.approx(1_300 / 6.5e-4)


class FakeClock:
    """Stands still, but for the work that lets it go on."""

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
    """For each task the seconds of its work and of its floor, on so many backends."""
    return [
        [
            Case(
                get_backend("numpy"), task, 5, clock.work(f"{task}{i}", work), clock.work(f"floor {task}{i}", floor), 7
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
        losses = [backend.to_numpy(step.work()) for _ in range(3)]  # the second epoch, as the rest is left out
        assert all(math.isfinite(loss) and loss > 0 for loss in losses)
        assert len({float(loss) for loss in losses}) == 3

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
    assert describe_machine().startswith(f"{count_cores()} cores of ")
    assert describe_machine().endswith(", threads as each library chooses")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert describe_machine().endswith(", OMP_NUM_THREADS=3")


class TestChoice:
    @pytest.fixture
    def two(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, None]:
        """As if NumPy and array_api_strict were all there is."""
        names = {"numpy": None, "array_api_strict": None}
        monkeypatch.setattr(choice, "available_backends", lambda: names)
        return names

    @pytest.mark.usefixtures("two")
    def test_test_library_is_left_out(self) -> None:
        chosen, left_out = bench.choose_backends()
        assert chosen == [get_backend("numpy")]
        assert list(left_out) == ["array_api_strict"]
        assert "a library for tests" in left_out["array_api_strict"]

    def test_unless_asked_for(self) -> None:
        chosen, left_out = bench.choose_backends(["array_api_strict:device1", "numpy"])
        assert chosen == [get_backend("array_api_strict:device1"), get_backend("numpy")]
        assert left_out == {}

    @pytest.mark.usefixtures("two")
    def test_emulated_device_is_left_out_unless_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(get_backend("numpy")), "devices", lambda self: ["cuda:0 (emulated on the CPU)"])
        with pytest.raises(BackendUnavailable, match="emulated"):
            bench.choose_backends()
        assert bench.choose_backends(["numpy"]) == ([get_backend("numpy")], {})

    def test_absent_backend_is_named_with_the_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "available_backends", lambda: {"numpy": None, "cupy": "no driver"})
        monkeypatch.setattr(choice, "get_backend", self.without_cupy)
        assert bench.choose_backends() == ([get_backend("numpy")], {"cupy": "no driver"})
        with pytest.raises(BackendUnavailable, match="no driver"):
            bench.choose_backends(["numpy", "cupy"])

    @staticmethod
    def without_cupy(name: str | None = None, *, device: str | None = None) -> Backend:
        if (name or device or "").startswith(("cupy", "cuda")):
            raise BackendUnavailable("no driver")
        return get_backend(name, device=device)

    @pytest.mark.usefixtures("two")
    @pytest.mark.parametrize("device", ["cpu", "auto"])
    def test_on_the_cpu(self, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "get_backend", lambda name=None, device=None: get_backend(name or "numpy"))
        assert bench.choose_backends(["numpy"], device)[0] == [get_backend("numpy")]

    @pytest.mark.usefixtures("two")
    def test_no_library_on_the_device(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "get_backend", self.without_cupy)
        with pytest.raises(BackendUnavailable, match=r"no backend can be compared on the device 'cuda:1'.*'numpy'"):
            bench.choose_backends(device="cuda:1")

    @pytest.mark.parametrize(
        ("names", "device", "words"),
        [
            (["nunpy"], None, "there is no backend 'nunpy'"),
            ([""], None, "there is no backend ''"),
            (["numpy", "numpy:cpu"], None, "each backend once; got 'numpy', 'numpy:cpu'"),
            (["numpy:cpu"], "cpu", "not both; got 'numpy:cpu' and 'cpu'"),
            ([], "gpu", "`device` must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got 'gpu'"),
        ],
    )
    def test_wrong_names(self, names: list[str], device: str | None, words: str) -> None:
        with pytest.raises(ValueError, match=r".") as caught:
            bench.choose_backends(names, device)
        assert words in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "place", "spec"),
        [
            ("torch", None, "torch"),
            ("torch", "cuda:1", "torch:cuda:1"),
            ("jax", "cpu", "jax:cpu"),
            ("cupy", "cuda", "cupy"),
            ("cupy", "cuda:1", "cupy:1"),
        ],
    )
    def test_names_of_devices(self, name: str, place: str | None, spec: str) -> None:
        assert choice._format_spec(name, place) == spec


class TestReport:
    results = (
        result(),
        result(backend="torch", seconds=(2e-3, 4e-3, 6e-3, 8e-3)),
        result(**UPDATE, floor_amount=26_000),
        result(backend="torch", **UPDATE),
    )

    def test_table(self) -> None:
        text = report.format_table(self.results)
        assert [" ".join(line.split()) for line in text.splitlines()] == [
            "training step, batch 5 x fastest median spread samples/s share limit",
            "numpy 2 on cpu 1.00 2.5 ms 60 % 2,000 25 % 2.0 MFLOP/s",
            "torch 2 on cpu 2.00 5.0 ms 60 % 1,000 12 % 2.0 MFLOP/s",
            "",
            "update, Adam x fastest median spread samples/s share limit",
            "numpy 2 on cpu 1.00 2.5 ms 60 % - 25 % 40.0 MB/s",
            "torch 2 on cpu 1.00 2.5 ms 60 % - 25 % 2.0 MB/s",
        ]
        assert len({len(line) for line in text.splitlines() if line}) == 1

    @pytest.mark.parametrize(
        ("value", "unit", "words"),
        [(2.0, "s", "2.0 s"), (5e3, "s", "5000.0 s"), (3.25e-3, "s", "3.2 ms"), (9.5e-5, "s", "95.0 us"),
         (4e-8, "s", "0.0 us"), (2.5e12, "B/s", "2500.0 GB/s"), (999.0, "B/s", "999.0 B/s")],
    )  # fmt: skip
    def test_units(self, value: float, unit: str, words: str) -> None:
        assert report._format_quantity(value, unit) == words

    def test_csv(self) -> None:
        rows = list(csv.DictReader(io.StringIO(report.format_csv(self.results, "a machine, with 2 cores"))))
        assert [row["task"] for row in rows] == ["training step"] * 2 + ["update, Adam"] * 2
        assert [(row["batch_size"], row["samples_per_second"]) for row in rows[1:3]] == [("5", "1000.0"), ("", "")]
        assert rows[0]["machine"] == "a machine, with 2 cores"
        assert float(rows[0]["median_seconds"]) == 2.5e-3
        assert float(rows[0]["share"]) == pytest.approx(0.25)
        assert [float(part) for part in rows[0]["seconds"].split()] == list(self.results[0].seconds)
        assert [float(part) for part in rows[0]["floor_seconds"].split()] == list(self.results[0].floor_seconds)
        assert [row["limit_unit"] for row in rows] == ["FLOP/s"] * 2 + ["B/s"] * 2

    def test_picture_shows_the_medians(self) -> None:
        pytest.importorskip("matplotlib")
        figure = report.draw_picture(self.results, "of $1 and $2")
        dots = figure.axes[0].collections[0].get_offsets()
        assert dots[0][0] == pytest.approx(2_500.0)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["numpy 2 on cpu", "torch 2 on cpu"]
        assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["update, Adam"]

    def test_files(self, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        told = report.write_files(self.results, tmp_path)
        assert told == [f"written: {tmp_path / 'bench.csv'}", f"written: {tmp_path / 'bench.png'}"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.csv", "bench.png"]
        assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")

    def test_without_matplotlib_there_is_no_picture(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        told = report.write_files(self.results, tmp_path)
        assert told[1] == (
            'no picture: plotting needs matplotlib, which is not installed: pip install "cutedl_xp[plot]"'
        )
        assert [path.name for path in tmp_path.iterdir()] == ["bench.csv"]

    def test_folder_is_made(self, tmp_path: Path) -> None:
        report.check_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_file_is_no_folder(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("kept")
        with pytest.raises(OSError, match="there is a file of that name; give another one"):
            report.check_folder(tmp_path / place)
        assert (tmp_path / "file").read_text() == "kept"
