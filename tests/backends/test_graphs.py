"""Training steps as CUDA graphs: the bits of uncaptured steps, one launch per step, one upload per chunk."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, activations
from cutedl_xp.backends import NotCompilable, StepFunction, _cublas, _graphs
from cutedl_xp.optimizers.rules.adam import adam_rule

SAMPLES, INPUTS, HIDDEN, CLASSES, BATCH, CAPACITY = 60, 9, 7, 4, 8, 6
PIECES = {"w1": (INPUTS, HIDDEN), "w2": (HIDDEN, CLASSES), "b1": (HIDDEN,), "b2": (CLASSES,)}
SIZE = sum(int(np.prod(shape)) for shape in PIECES.values())

Run = Callable[..., Any]


@pytest.fixture
def cupy(backend: Backend) -> Any:
    import cupy

    return cupy


@pytest.fixture
def counts() -> Any:
    """Return the emulator, for its counts."""
    emulator = pytest.importorskip("cupy_on_cpu")
    if not emulator.is_installed():
        pytest.skip("only the emulator counts")
    return emulator


def views(flat: Any) -> dict[str, Any]:
    """Return the parameters, or their gradients, in a flat buffer."""
    found, start = {}, 0
    for name, shape in PIECES.items():
        size = int(np.prod(shape))
        found[name] = flat[start : start + size].reshape(shape)
        start += size
    return found


def network_step(backend: Backend) -> Callable[..., Any]:
    """Return a training step of two dense layers with dropout, cross-entropy and Adam's rule."""
    xp = backend.xp

    def step(state: Any, constants: Any, inputs: Any, k: Any) -> Any:
        values, gradients = views(state["values"]), views(state["gradients"])
        rows, mask, scalars = (backend.row(inputs[name], k) for name in ("rows", "mask", "scalars"))
        x, y = (xp.take(constants[name], rows, axis=0) for name in ("x", "y"))
        hidden = backend.add_bias(backend.matmul(x, values["w1"]), values["b1"], activations.relu)
        factor = backend.convert(mask, x.dtype, 2.0)
        dropped = hidden * factor
        logits = backend.add_bias(backend.matmul(dropped, values["w2"]), values["b2"], activations.linear)
        loss, dz = backend.softmax_crossentropy(y, logits, 1.0 / BATCH)
        backend.sum(dz, axis=0, out=gradients["b2"])
        backend.matmul(dropped.T, dz, out=gradients["w2"])
        dh = backend.matmul(dz, values["w2"].T) * factor
        dh, _ = backend.add_bias_backward(activations.relu_backward, hidden, dh, gradients["b1"])
        backend.matmul(x.T, dh, out=gradients["w1"])
        arrays = [state["values"], state["gradients"], state["v"], state["s"]]
        new = backend.apply_rule(adam_rule, arrays, [scalars[i] for i in range(6)], donate=True)
        renewed = dict(zip(("values", "v", "s"), new, strict=True))
        return state | renewed | {"t": state["t"] + 1, "loss": state["loss"] + loss}

    return step


def make_state(backend: Backend) -> dict[str, Any]:
    random = np.random.default_rng(1)
    made = {name: np.zeros(SIZE, "float32") for name in ("gradients", "v", "s")}
    made |= {"values": random.normal(size=SIZE).astype("float32"), "t": np.zeros((), "int64")}
    return {name: backend.asarray(array) for name, array in (made | {"loss": np.zeros((), "float32")}).items()}


def make_constants(backend: Backend) -> dict[str, Any]:
    random = np.random.default_rng(2)
    x, classes = random.normal(size=(SAMPLES, INPUTS)), random.integers(0, CLASSES, SAMPLES)
    return {"x": backend.asarray(x.astype("float32")), "y": backend.asarray(np.eye(CLASSES, dtype="float32")[classes])}


def make_inputs(chunk: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng([3, chunk])
    scalars = np.array([[0.01 * (1 + random.random()), 0.9, 0.1, 0.99, 0.01, 1e-8] for _ in range(CAPACITY)], "float32")
    return {
        "rows": random.integers(0, SAMPLES, (CAPACITY, BATCH)),
        "mask": random.random((CAPACITY, BATCH, HIDDEN)) < 0.5,
        "scalars": scalars,
    }


def on_host(backend: Backend, state: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: backend.to_numpy(array) for name, array in state.items()}


def uncaptured(backend: Backend, chunks: list[int]) -> dict[str, np.ndarray]:
    """Return the state after chunks of the given numbers of steps, without compilation."""
    step, state, constants = StepFunction(network_step(backend)), make_state(backend), make_constants(backend)
    with backend.active():
        for number, count in enumerate(chunks):
            state, _ = Backend.run_steps(backend, step, state, constants, make_inputs(number), count)
    return on_host(backend, state)


def assert_same_bits(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }


def run_small(backend: Backend, function: Callable[..., Any], state: Any, count: int = 5, **options: Any) -> Any:
    """Run one chunk of a small step, and wait for it."""
    constants, inputs = options.get("constants", ()), options.get("inputs", {"rows": np.arange(CAPACITY)})
    state, wait = backend.run_steps(options.get("step") or StepFunction(function), state, constants, inputs, count)
    wait()
    return state


def add_row(state: Any, constants: Any, inputs: Any, k: Any) -> Any:
    return {"total": state["total"] + inputs["rows"].take(k)}


@pytest.mark.parametrize("chunks", [[6, 6, 6], [1, 1, 1, 1, 2], [2, 5], [6, 1, 4]], ids=str)
def test_captured_steps_give_the_bits_of_uncaptured_steps(backend: Backend, chunks: list[int]) -> None:
    step, state, constants = StepFunction(network_step(backend)), make_state(backend), make_constants(backend)
    before = dict(state)
    for number, count in enumerate(chunks):
        state, wait = backend.run_steps(step, state, constants, make_inputs(number), count)
        wait()
    assert all(state[name] is array for name, array in before.items())
    assert int(state["t"]) == sum(chunks)
    assert_same_bits(on_host(backend, state), uncaptured(backend, chunks))


def test_a_step_is_one_launch_of_the_graph_and_a_chunk_one_upload(backend: Backend, counts: Any) -> None:
    step, state, constants = StepFunction(network_step(backend)), make_state(backend), make_constants(backend)
    backend.run_steps(step, state, constants, make_inputs(0), 4)
    counts.reset_counts()
    for number in range(1, 4):
        backend.run_steps(step, state, constants, make_inputs(number), 5)
    asked = counts.counts()
    assert (asked.graphs, asked.launches, asked.gemms, asked.host_copies, asked.uploads) == (15, 0, 0, 0, 3)


def test_graph_has_no_memory_or_copy_node(backend: Backend) -> None:
    step, state, constants = StepFunction(network_step(backend)), make_state(backend), make_constants(backend)
    backend.run_steps(step, state, constants, make_inputs(0), 4)
    ((_, captured),) = step.compiled.items()
    nodes = captured._own.graph.debug_dot_str(1).lower()
    assert "kernel" in nodes or "cupy" in nodes
    assert "memcpy" not in nodes
    assert "memset" not in nodes


def test_steps_read_their_own_row(backend: Backend) -> None:
    state, rows = {"total": backend.asarray(np.zeros((), "int64"))}, 10 ** np.arange(CAPACITY)
    step = StepFunction(add_row)
    for count, total in ((6, 111_111), (3, 111_222), (6, 222_333)):
        run_small(backend, add_row, state, count, step=step, inputs={"rows": rows})
        assert int(state["total"]) == total


def test_more_steps_than_rows_are_refused(backend: Backend) -> None:
    state = {"total": backend.asarray(np.zeros((), "int64"))}
    sentence = "^a chunk of 7 steps needs a row of each input for every step; got 6$"
    with pytest.raises(ValueError, match=sentence):
        run_small(backend, add_row, state, CAPACITY + 1)
    assert int(state["total"]) == 0


def test_values_that_trade_places_are_copied(backend: Backend) -> None:
    state = [backend.asarray(np.full(4, float(number))) for number in range(3)]
    run_small(backend, lambda state, *_: [state[1], state[2], state[0][::-1] + 0.5], state, 5)
    expected = [np.full(4, float(number)) for number in range(3)]
    for _ in range(5):
        expected = [expected[1], expected[2], expected[0] + 0.5]
    for array, host in zip(state, expected, strict=True):
        np.testing.assert_array_equal(backend.to_numpy(array), host)


def test_all_values_of_one_shape_are_copied_by_one_kernel(backend: Backend, counts: Any) -> None:
    state, step = [backend.asarray(np.zeros(shape)) for shape in [(3,), ()] * 20], None
    step = StepFunction(lambda state, *_: [each + number for number, each in enumerate(state)])
    run_small(backend, step.function, state, 2, step=step)
    counts.reset_counts()
    run_small(backend, step.function, state, 1, step=step)
    assert sorted(kernel for kernel in counts.counts().captured if "copy" in kernel) == 3 * ["copy"] + [
        "copy_and_count"
    ]
    for number, array in enumerate(state):
        np.testing.assert_array_equal(backend.to_numpy(array), 3.0 * number)


def test_state_of_another_shape_is_refused(backend: Backend) -> None:
    state = {"total": backend.asarray(np.zeros(2))}
    with pytest.raises(NotCompilable, match=r"same shapes and dtypes; got \(1,\), float64 instead of \(2,\), float64"):
        run_small(backend, lambda state, *_: {"total": state["total"][:1] + 1}, state)


def test_new_addresses_are_captured_and_the_old_ones_kept(backend: Backend, counts: Any) -> None:
    step = StepFunction(network_step(backend))
    states, constants = [make_state(backend) for _ in range(2)], make_constants(backend)
    for state in states:
        backend.run_steps(step, state, constants, make_inputs(0), 4)
    counts.reset_counts()
    for state in states:
        backend.run_steps(step, state, constants, make_inputs(1), 4)
    assert (counts.counts().graphs, counts.counts().launches) == (8, 0)
    for state in states:
        assert_same_bits(on_host(backend, state), uncaptured(backend, [4, 4]))


def test_only_the_graphs_used_last_are_kept(backend: Backend) -> None:
    step = StepFunction(add_row)
    states = [{"total": backend.asarray(np.zeros((), "int64"))} for _ in range(6)]
    for state in states:
        run_small(backend, add_row, state, 4, step=step)
    assert len(step.compiled) == 4
    assert [int(state["total"]) for state in states] == [6] * 6


def test_two_graphs_do_not_disturb_each_other(backend: Backend) -> None:
    steps = [StepFunction(network_step(backend)) for _ in range(2)]
    states, constants = [make_state(backend) for _ in range(2)], make_constants(backend)
    for number in range(3):
        for step, state in zip(steps, states, strict=True):
            backend.run_steps(step, state, constants, make_inputs(number), 5)
    for state in states:
        assert_same_bits(on_host(backend, state), uncaptured(backend, [5, 5, 5]))


def test_chunks_may_run_on_different_streams(backend: Backend, cupy: Any) -> None:
    step, state, constants = StepFunction(network_step(backend)), make_state(backend), make_constants(backend)
    backend.run_steps(step, state, constants, make_inputs(0), 5)
    with cupy.cuda.Stream(non_blocking=True):
        backend.run_steps(step, state, constants, make_inputs(1), 5)
    _, wait = backend.run_steps(step, state, constants, make_inputs(2), 5)
    wait()
    assert_same_bits(on_host(backend, state), uncaptured(backend, [5, 5, 5]))


def test_steps_run_in_another_thread(backend: Backend) -> None:
    step, state, constants = StepFunction(network_step(backend)), make_state(backend), make_constants(backend)

    def train() -> None:
        for number in range(2):
            backend.run_steps(step, state, constants, make_inputs(number), 5)[1]()

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert_same_bits(on_host(backend, state), uncaptured(backend, [5, 5]))


def test_threads_capture_side_by_side(backend: Backend) -> None:
    states, constants, together = [make_state(backend) for _ in range(3)], make_constants(backend), threading.Barrier(3)
    backend.synchronize()

    def train(state: dict[str, Any]) -> None:
        step = StepFunction(network_step(backend))
        together.wait()
        for number in range(3):
            backend.run_steps(step, state, constants, make_inputs(number), 5)[1]()

    threads = [threading.Thread(target=train, args=(state,)) for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for state in states:
        assert_same_bits(on_host(backend, state), uncaptured(backend, [5, 5, 5]))


def reads_a_value(state: Any, constants: Any, inputs: Any, k: Any) -> Any:
    """Make a call that a capture forbids, after the step has changed its state."""
    state["total"] += 1
    float(state["total"])
    return state


@pytest.mark.parametrize("chunks", [(5,), (1, 5)])
def test_step_that_cannot_be_captured_raises_after_its_last_result(
    backend: Backend, cupy: Any, chunks: tuple[int, ...]
) -> None:
    state, step = {"total": backend.asarray(np.zeros(()))}, StepFunction(reads_a_value)
    *before, last = chunks
    for count in before:
        run_small(backend, reads_a_value, state, count, step=step)
    with pytest.raises(NotCompilable, match=r"^CUDA cannot capture the step \(\w*Error: ") as caught:
        run_small(backend, reads_a_value, state, last, step=step)
    assert float(state["total"]) == 2.0  # the step that was captured did not run
    assert caught.value.steps_done == 2 - sum(before)
    assert gc.isenabled()
    assert not cupy.cuda.get_current_stream().is_capturing()
    total = {"total": backend.asarray(np.zeros((), "int64"))}
    assert int(run_small(backend, add_row, total, 6)["total"]) == 15  # other steps are still captured


def test_product_that_cublas_does_not_take_leaves_the_step_uncaptured(backend: Backend) -> None:
    state = {"total": backend.asarray(np.ones((2, 3, 3), "float32"))}
    with pytest.raises(NotCompilable):
        run_small(backend, lambda state, *_: {"total": backend.matmul(state["total"], state["total"])}, state)


def test_graph_without_memory_leaves_the_step_uncaptured(
    backend: Backend, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(_: Any) -> None:
        raise MemoryError("no memory\nfor a workspace")

    monkeypatch.setattr(_cublas, "Handle", no_memory)
    with pytest.raises(NotCompilable, match=r"make a graph of the step \(MemoryError: no memory\)$") as caught:
        run_small(backend, add_row, {"total": backend.asarray(np.zeros((), "int64"))})
    assert caught.value.steps_done == 0


def test_lasting_error_of_cuda_is_raised(backend: Backend, cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise cupy.cuda.runtime.CUDARuntimeError(700)

    monkeypatch.setattr(cupy.cuda.runtime, "deviceSynchronize", fail)
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="cudaErrorIllegalAddress"):
        run_small(backend, reads_a_value, {"total": backend.asarray(np.zeros(()))})


def test_interrupt_within_a_capture_ends_the_capture(backend: Backend) -> None:
    calls: list[None] = []

    def interrupted(state: Any, *_: Any) -> Any:
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"total": state["total"] + 1}

    state, step = {"total": backend.asarray(np.zeros(()))}, StepFunction(interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_small(backend, interrupted, state, step=step)
    assert (float(state["total"]), gc.isenabled()) == (2.0, True)
    assert float(run_small(backend, interrupted, state, step=step)["total"]) == 7.0


def test_graph_ends_with_its_step_but_never_within_a_capture(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[Any] = []
    release = _graphs._Resources.release
    monkeypatch.setattr(_graphs._Resources, "release", lambda own: (release(own), ended.append(own.graph)))

    def capture(function: Callable[..., Any]) -> StepFunction:
        step = StepFunction(function)
        run_small(backend, function, {"total": backend.asarray(np.zeros((), "int64"))}, 4, step=step)
        return step

    kept, seen_within = [capture(add_row)], []

    def drops_another(state: Any, *arguments: Any) -> Any:
        new = add_row(state, *arguments)
        if len(seen_within) == 2:  # the third call is the one that is captured
            kept.clear()
        seen_within.append(len(ended))
        return new

    step = capture(drops_another)
    assert (seen_within, ended) == ([0, 0, 0], [None])
    del step
    assert ended == [None, None]


@pytest.mark.parametrize(
    ("graphs", "fused", "reason"),
    [
        (None, None, "$CUTEDL_XP_GRAPHS is not 1"),
        ("0", None, "$CUTEDL_XP_GRAPHS is not 1"),
        ("1", "0", "$CUTEDL_XP_FUSED is 0"),
        ("1", None, None),
    ],
)
def test_graphs_are_chosen_in_the_environment(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, graphs: str | None, fused: str | None, reason: str | None
) -> None:
    for name, value in (("CUTEDL_XP_GRAPHS", graphs), ("CUTEDL_XP_FUSED", fused)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    fresh = type(backend)()
    assert (fresh.why_not_compiled() or fresh.why_not_by_default()) == reason


def test_any_other_choice_is_refused(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTEDL_XP_GRAPHS", "yes")
    with pytest.raises(ValueError, match=r"^\$CUTEDL_XP_GRAPHS must be 1 .* got 'yes'$"):
        backend.why_not_by_default()
