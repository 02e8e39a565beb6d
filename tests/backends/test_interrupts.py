"""Ctrl-C in compiled code and in work shared by threads raises KeyboardInterrupt and nothing else."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import activations, get_backend, optimizers
from cutedl_xp.backends import _threads
from cutedl_xp.backends import numpy as numpy_backend

with_numba = pytest.mark.skipif(numpy_backend._import_loops() is None, reason="numba is not installed")
with_signals = pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="there are no such signals here")


def calls_of_loops() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Return each compiled function with arguments, as the NumPy backend calls it."""
    from cutedl_xp.backends import _numba

    f4, x, row, flat = np.dtype("f4"), np.ones((4, 3), "f4"), np.ones(3, "f4"), np.ones(12, "f4")
    adam, half = optimizers.Adam(), np.float32(0.5)
    numbers, states = np.asarray((*adam.scalars(1), 0.0), f4), (np.ones(12, "f4"), np.ones(12, "f4"))
    return {
        "scale_into": (_numba.scale_into, (np.ones(12, "u1"), half, flat)),
        "sums": (_numba.loop_over_sums(activations.relu, f4), (x, row)),
        "pairs": (_numba.loop_over_pairs(activations.relu_backward, f4), (x, x, x.copy(), row)),
        "softmax_crossentropy": (_numba.softmax_crossentropy, (x, x, half, x.copy())),
        "its value": (_numba.softmax_crossentropy, (x, x, half, None)),
        "rule": (_numba.loop_over(adam.rule, 4, len(numbers) - 1, f4), (flat, flat, states, numbers)),
    }


@with_numba
@pytest.mark.skipif(sys.gettrace() is not None, reason="a debugger is at work")
def test_compiled_functions_run_no_python() -> None:
    for name, (loop, arguments) in calls_of_loops().items():
        loop(*arguments)
        called: list[str] = []
        sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)  # noqa: B023
        try:
            loop(*arguments)
        finally:
            sys.setprofile(None)
        assert called == [loop.py_func.__code__.co_name], name  # numba records the compiled function itself


INTERRUPT = """
import random, signal, sys, threading, time
import numpy as np

def interrupt(work, count):
    "Interrupt work at random moments, and return what was raised."
    work()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    raised, choose, begin, main = [], random.Random(0), threading.Event(), threading.main_thread().ident

    def send():
        for _ in range(count):
            begin.wait()
            begin.clear()
            time.sleep(choose.uniform(0, 3 * seconds))
            signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()
    for _ in range(count):
        try:
            begin.set()
            while True:
                work()
        except BaseException as error:
            raised.append(f"{type(error).__name__}: {error}")
    return raised
"""

COMPILED = """
import cutedl_xp as cdl
from cutedl_xp import activations
r = np.random.default_rng(0)
x, z = r.integers(0, 256, (500, 784), dtype="u1"), r.normal(size=(4000, 100)).astype("f4")
y = np.eye(100, dtype="f4")[r.integers(0, 100, 4000)]
total, big = np.empty(100, "f4"), [np.ones(500_000, "f4") for _ in range(4)]
backend, adam = cdl.get_backend("numpy"), cdl.optimizers.Adam()
model = cdl.Model([cdl.layers.Dense(10, input_dim=784, activation="relu")]).assemble(backend, seed=0)
session = cdl.Session(model, cdl.losses.CategoricalCrossentropy(), adam)
data = cdl.Dataset(x, y[:500, :10], 500, scale=1 / 255)
for work in (
    lambda: session.evaluate(data),
    lambda: model.predict(x),
    lambda: adam.step(model.parameters),
    lambda: backend.softmax_crossentropy(y, z, 0.5),
    lambda: backend.softmax_crossentropy_value(y, z, 0.5),
    lambda: backend.convert(x, np.dtype("f4"), 0.5),
    lambda: backend.add_bias_backward(activations.relu_backward, z, z, total),
    lambda: backend.add_bias(z, total, activations.relu),
    lambda: backend.apply_rule(adam.rule, big, adam.scalars(1), donate=True),
):
    print(*set(interrupt(work, int(sys.argv[1]))))
"""

THREADS = """
import os
from cutedl_xp.backends import _threads
os.sched_getaffinity = lambda process: {0, 1, 2}
_threads.SMALLEST_PIECE = 10
target, late = np.zeros(60), 0

def slowly(array):
    for i in range(10):
        time.sleep(2e-4)
        array += 1.0

def work():
    global late
    try:
        _threads.in_pieces(slowly, [target])
    except KeyboardInterrupt:
        before = target.copy()
        time.sleep(5e-3)
        late += (target != before).any()
        raise

print(*set(interrupt(work, int(sys.argv[1]))))
print(late)
"""


def run(program: str, count: int) -> list[str]:
    """Return the output lines of a program that is interrupted the given number of times."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "CUTEDL_XP_FUSED": "1"}
    command = [sys.executable, "-W", "ignore", "-c", INTERRUPT + program, str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60 + count)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@with_numba
@with_signals
def test_an_interrupt_in_compiled_code_is_a_keyboard_interrupt(number_of: Callable[[int, int], int]) -> None:
    assert run(COMPILED, number_of(20, 1000)) == ["KeyboardInterrupt: "] * 9


@with_signals
def test_no_piece_is_worked_on_after_an_interrupt(number_of: Callable[[int, int], int]) -> None:
    assert run(THREADS, number_of(20, 1000)) == ["KeyboardInterrupt: ", "0"]


class Interrupted(_threads._Job):
    """A job that is interrupted while it waits for its helpers."""

    def __init__(self, pieces: Any) -> None:
        super().__init__(pieces)
        self.interrupts = 1

    def finish(self) -> None:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        super().finish()


def test_an_interrupted_wait_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads, "_Job", Interrupted)
    monkeypatch.setattr(_threads, "processors", lambda: 2)
    monkeypatch.setattr(_threads, "SMALLEST_PIECE", 8)
    both, caller = threading.Barrier(2), threading.current_thread()

    def slowly(array: np.ndarray) -> None:
        both.wait(30)
        if threading.current_thread() is not caller:
            threading.Event().wait(0.1)
        array += 1.0

    target = np.zeros(16)
    with pytest.raises(KeyboardInterrupt):
        _threads.in_pieces(slowly, [target])
    assert (target == 1.0).all()


@with_numba
def test_an_interrupted_compilation_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from cutedl_xp.backends import _numba

    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    key = optimizers.Fixed().rule, 2, 1, np.dtype("f4")
    monkeypatch.setattr(_numba, "LOOPS", {})
    with monkeypatch.context() as patch:
        patch.setattr(_numba, "_loop", interrupt)
        with pytest.raises(KeyboardInterrupt):
            _numba.loop_over(*key)
    assert _numba.loop_over(*key) is not None


@with_numba
def test_threads_that_need_a_loop_at_once_all_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from cutedl_xp.backends import _numba

    backend, both, original = get_backend("numpy"), threading.Barrier(2), _numba._loop

    def wait_for_the_other(*arguments: Any) -> Any:
        both.wait(30)  # the second thread asks while the first one compiles
        return original(*arguments)

    monkeypatch.setattr(_numba, "LOOPS", {})
    monkeypatch.setattr(_numba, "_loop", wait_for_the_other)
    results: list[Any] = []

    def step() -> None:
        rule = optimizers.Fixed().rule
        results.append(_numba.loop_over(rule, 2, 1, np.dtype("f4")))
        backend.apply_rule(rule, [np.ones(3, "f4"), np.ones(3, "f4")], [0.5], donate=True)

    threads = [threading.Thread(target=step) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 2
    assert None not in results
