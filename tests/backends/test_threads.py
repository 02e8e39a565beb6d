"""Large arrays in pieces: every entry once, the same results as in one, and errors are not lost."""

import multiprocessing
import sys
import threading
from collections.abc import Iterator

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
    """Three processors, and small pieces."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(_threads, "SMALLEST_PIECE", 8)


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
    def note(array: np.ndarray, names: set[str]) -> None:
        names.add(threading.current_thread().name)

    small: set[str] = set()
    _threads.in_pieces(note, [np.zeros(15)], small)
    assert small == {threading.current_thread().name}
    large: set[str] = set()
    _threads.in_pieces(note, [np.zeros(24)], large)
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
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert _threads.processors() == expected


@pytest.mark.parametrize("setting", ["", "0", "many"])
def test_else_it_is_that_of_the_processors(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert _threads.processors() >= 1


def work_in_a_fork() -> None:
    target = np.zeros(100)
    _threads.in_pieces(add, [target, np.ones(100)], 1)
    sys.exit(0 if (target == 1.0).all() else 1)


@pytest.mark.usefixtures("three")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::RuntimeWarning"
)  # of others, of forks beside threads
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    work = np.zeros(100)
    _threads.in_pieces(add, [work, np.ones(100)], 1)  # starts the threads of this process
    process = multiprocessing.get_context("fork").Process(target=work_in_a_fork)
    process.start()
    process.join(30)
    assert process.exitcode == 0
