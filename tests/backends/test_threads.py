"""Large arrays in pieces: every entry is computed once, with the results of one piece, and errors are raised."""

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest

from cutedl_xp.backends import _threads


@pytest.fixture(autouse=True)
def _settings_are_read_anew() -> Iterator[None]:
    _threads.processors.cache_clear()
    yield
    _threads.processors.cache_clear()


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate three processors, with small pieces."""
    give_processors(monkeypatch, 3)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(_threads, "SMALLEST_PIECE", 8)


def give_processors(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(count)), raising=False)


class CountedThread(threading.Thread):
    """A thread that starts slowly."""

    started: ClassVar[list[str]] = []

    def start(self) -> None:
        self.started.append(self.name)
        time.sleep(0.02)
        super().start()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the threads that are started from now on, the first threads of this process."""
    monkeypatch.setattr(_threads, "_helpers", _threads._Helpers())
    monkeypatch.setattr(_threads, "Thread", CountedThread)
    monkeypatch.setattr(CountedThread, "started", [])
    return CountedThread.started


def add(target: np.ndarray, source: np.ndarray, times: int) -> None:
    target += times * source


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 12, 13, 100, 1001])
def test_every_entry_is_worked_on_once(size: int) -> None:
    target, source = np.zeros(size), np.arange(float(size))
    _threads.in_pieces(add, [target, source], 2)
    np.testing.assert_array_equal(target, 2 * source)


@pytest.mark.usefixtures("three")
def test_large_arrays_are_worked_on_by_several_threads_and_small_ones_by_the_caller() -> None:
    def note(array: np.ndarray, names: set[str], together: threading.Barrier) -> None:
        names.add(threading.current_thread().name)
        together.wait(30)

    small: set[str] = set()
    _threads.in_pieces(note, [np.zeros(15)], small, threading.Barrier(1))
    assert small == {threading.current_thread().name}
    large: set[str] = set()
    _threads.in_pieces(note, [np.zeros(24)], large, threading.Barrier(3))
    assert threading.current_thread().name in large
    assert any(name.startswith("cutedl_xp") for name in large)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("error", [ArithmeticError, KeyboardInterrupt])
def test_an_error_in_any_piece_reaches_the_caller(place: int, error: type[BaseException]) -> None:
    def fail(array: np.ndarray) -> None:
        if (array[0] > 0.0) == bool(place):
            raise error("in a piece")

    for _ in range(3):  # and leaves the threads alive
        with pytest.raises(error, match=r"^in a piece$"):
            _threads.in_pieces(fail, [np.arange(16.0)])


@pytest.mark.parametrize(("setting", "expected"), [("1", 1), ("3", 3)])
def test_the_number_of_threads_is_that_of_openmp(monkeypatch: pytest.MonkeyPatch, setting: str, expected: int) -> None:
    give_processors(monkeypatch, 3)
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert _threads.processors() == expected


@pytest.mark.parametrize("setting", ["4", "20000", "9" * 5000], ids=len)
def test_no_setting_asks_for_more_threads_than_processors(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    give_processors(monkeypatch, 3)
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert _threads.processors() == 3


@pytest.mark.usefixtures("three")
def test_no_more_threads_are_started_than_there_are_pieces(monkeypatch: pytest.MonkeyPatch, started: list[str]) -> None:
    give_processors(monkeypatch, 20_000)
    monkeypatch.setenv("OMP_NUM_THREADS", "20000")
    for pieces in (4, 3, 10):
        target = np.zeros(8 * pieces)
        _threads.in_pieces(np.ndarray.fill, [target], 1.0)
        assert (target == 1.0).all()
    assert started == [f"cutedl_xp-{number}" for number in range(1, 10)]


@pytest.mark.usefixtures("three")
def test_callers_that_come_first_at_once_start_one_set_of_threads(started: list[str]) -> None:
    together = threading.Barrier(4)
    targets = [np.zeros(24) for _ in range(4)]

    def call(target: np.ndarray) -> None:
        together.wait(30)
        _threads.in_pieces(add, [target, np.ones(24)], 1)

    callers = [threading.Thread(target=call, args=(target,)) for target in targets]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert started == ["cutedl_xp-1", "cutedl_xp-2"]
    assert all((target == 1.0).all() for target in targets)


@pytest.mark.usefixtures("three")
def test_without_a_thread_the_caller_does_all_the_work(monkeypatch: pytest.MonkeyPatch, started: list[str]) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(CountedThread, "start", refuse)
    target = np.zeros(100)
    _threads.in_pieces(add, [target, np.ones(100)], 1)
    assert started == []
    assert (target == 1.0).all()


@pytest.mark.usefixtures("three")
def test_helpers_that_never_come_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads._Helpers, "ask", lambda self, job, count: None)
    target = np.zeros(100)
    _threads.in_pieces(add, [target, np.ones(100)], 1)
    assert (target == 1.0).all()


@pytest.mark.parametrize("setting", ["", "0", "many"])
def test_else_it_is_that_of_the_processors(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert _threads.processors() >= 1


def work_in_a_fork() -> None:
    target = np.zeros(100)
    _threads.in_pieces(add, [target, np.ones(100)], 1)
    helpers = {thread.name for thread in threading.enumerate()} & {"cutedl_xp-1", "cutedl_xp-2"}
    sys.exit(0 if (target == 1.0).all() and len(helpers) == 2 else 1)


@pytest.mark.usefixtures("three")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::RuntimeWarning"
)  # of other libraries, about forks in processes with threads
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_forked_process_has_its_own_threads() -> None:
    work = np.zeros(100)
    _threads.in_pieces(add, [work, np.ones(100)], 1)  # starts the threads of this process
    process = multiprocessing.get_context("fork").Process(target=work_in_a_fork)
    process.start()
    process.join(30)
    assert process.exitcode == 0
