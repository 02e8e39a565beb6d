"""Sessions with CUDA graphs: steps that cannot be captured, parallel sessions, and the end of graphs."""

import gc
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session, losses, optimizers
from cutedl_xp.backends import backend_of
from cutedl_xp.layers import Dense, Dropout, Layer
from cutedl_xp.metrics import accuracy
from cutedl_xp.regularizers import Regularizer
from cutedl_xp.training import pace

CHUNK, EPOCH_STEPS, BATCH, SHORT = 3, 8, 10, 5
SAMPLES = (EPOCH_STEPS - 1) * BATCH + SHORT
WARNING = r"^the training continued in the plain loop, as CUDA cannot capture the step \(\w*Error: "


@pytest.fixture(autouse=True)
def _graphs_of_chunks_of_one_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train with graphs, and with a fixed number of steps per chunk, regardless of the speed of the machine."""
    monkeypatch.setenv("CUTEDL_XP_GRAPHS", "1")
    monkeypatch.setattr(pace, "_FIRST", CHUNK)
    monkeypatch.setattr(pace.Pace, "_measured", lambda *_, late: None)


class ReadsValue(Regularizer):
    """A user's penalty that reads a number from the device."""

    def penalty_gradient(self, w: Any) -> Any:
        return w * (self.damping * float(abs(w).max()))


class Synchronizes(Layer):
    """A user's layer that declares to be compilable, but waits for the device."""

    compilable = True

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, training: bool) -> Any:
        if training:
            backend_of(x).synchronize()
        return x * 0.5, lambda gradient, input_gradient=True: gradient * 0.5

    def config(self) -> dict[str, Any]:
        return {}


class ReadsMean(Synchronizes):
    """A layer of the same kind that copies a number to the host."""

    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        factor = 1.0 / (1.0 + abs(float(x.mean())))
        return x * factor, lambda gradient, input_gradient=True: gradient * factor


class ReadsMeanOfShortBatch(ReadsMean):
    """A layer that copies only in the last batch of an epoch, while the other batches are captured."""

    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        if x.shape[0] == SHORT:
            return super().forward(x, training)
        return x * 0.5, lambda gradient, input_gradient=True: gradient * 0.5


def train_data(seed: int = 5) -> Dataset:
    """Return a data set with eight batches per epoch, the last one smaller."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(SAMPLES, 6)).astype("float32")
    return Dataset(x, np.arange(SAMPLES) % 4, batch_size=BATCH, seed=seed)


def make_session(backend: Backend, *between: Layer, seed: int = 0, **options: Any) -> Session:
    """Return a session of a model with Dropout, and optimizers with counters."""
    layers = [Dense(7, input_dim=6), *between, Dropout(0.6), Dense(4, activation="linear")]
    groups = optimizers.Groups({"*/bias": optimizers.Momentum(0.1), "*": optimizers.Adam(0.02)})
    options = {"loss": losses.SparseCategoricalCrossentropy(), "optimizer": groups, "metrics": [accuracy]} | options
    return Session(Model(layers).assemble(backend, seed=seed), **options)


def figures(session: Session) -> dict[str, Any]:
    history = session.history
    assert history is not None
    return {name: getattr(history, name) for name in ("steps", "loss", "val_loss", "val_accuracy", "lr")}


def assert_same_training(one: Session, other: Session) -> None:
    """Compare histories, positions, random streams and all arrays, to the bit."""
    assert figures(one) == figures(other)
    assert flat(one.state_dict()) == flat(other.state_dict())


def flat(tree: Any) -> Any:
    """Return a state with the bytes of its arrays in their place."""
    if isinstance(tree, dict):
        return {key: flat(child) for key, child in tree.items()}
    if isinstance(tree, list):
        return [flat(child) for child in tree]
    return (tree.dtype.str, tree.shape, tree.tobytes()) if isinstance(tree, np.ndarray) else tree


def fit(session: Session, compiled: bool | None = None, epochs: int = 3) -> None:
    session.fit(train_data(), epochs, val_data=train_data(), val_steps=5, compiled=compiled)


@pytest.mark.parametrize("kind", [Synchronizes, ReadsMean, ReadsMeanOfShortBatch])
def test_layer_that_cannot_be_captured_trains_on_in_the_plain_loop(backend: Backend, kind: type[Layer]) -> None:
    session, plain = make_session(backend, kind()), make_session(backend, kind())
    fit(plain, compiled=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(session)
    assert [each.category for each in caught] == [RuntimeWarning]
    assert not session.compiled
    assert session.compiled.reason.startswith("CUDA cannot capture the step (")
    assert str(caught[0].message) == f"the training continued in the plain loop, as {session.compiled.reason}"
    assert_same_training(session, plain)
    with pytest.warns(RuntimeWarning, match=WARNING):
        fit(session)
    fit(plain, compiled=False)
    assert_same_training(session, plain)


def test_penalty_that_cannot_be_captured_trains_on_without_a_warning(backend: Backend) -> None:
    session, plain = (make_session(backend, regularizers=[ReadsValue(0.1)]) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(session)
    fit(plain, compiled=False)
    assert not session.compiled
    assert session.compiled.reason.startswith("CUDA cannot capture the step (")
    assert_same_training(session, plain)


def test_penalty_that_cannot_be_captured_is_an_error_where_steps_must_be_compiled(backend: Backend) -> None:
    session, plain = (make_session(backend, regularizers=[ReadsValue(0.1)]) for _ in range(2))
    sentence = r"^`compiled` is True, but CUDA cannot capture the step \(.*\); leave `compiled` out for the plain loop$"
    with pytest.raises(ValueError, match=sentence):
        fit(session, compiled=True)
    assert session.step == 2  # after the steps before the capture
    assert not session.compiled
    assert session.compiled.reason.startswith("CUDA cannot capture the step (")
    fit(session, compiled=False, epochs=3)
    fit(plain, compiled=False, epochs=3)
    assert session.step == plain.step == 3 * EPOCH_STEPS
    assert flat(session.state_dict()) == flat(plain.state_dict())


def test_sessions_with_graphs_take_turns(backend: Backend) -> None:
    alone, in_turns = ([make_session(backend, seed=seed) for seed in range(2)] for _ in range(2))
    data = [train_data(seed) for seed in range(2)]
    for session, train in zip(alone, data, strict=True):
        for _ in range(3):
            session.fit(train, 2, val_data=train)
    for _ in range(3):
        for session, train in zip(in_turns, data, strict=True):
            session.fit(train, 2, val_data=train)
    for one, other in zip(alone, in_turns, strict=True):
        assert one.compiled
        assert_same_training(one, other)


def test_session_may_train_within_the_training_of_another(backend: Backend) -> None:
    outer, inner, alone = (make_session(backend, seed=seed) for seed in (0, 1, 1))
    undisturbed = make_session(backend, seed=0)
    data = train_data()
    fit(undisturbed)

    def train_other(event: Any) -> None:
        if event.name == "epoch_end":
            inner.fit(data, 2)

    outer.fit(data, 3, val_data=train_data(), val_steps=5, listeners=[train_other])
    for _ in range(3):
        alone.fit(data, 2)
    assert outer.compiled
    assert figures(outer) == figures(undisturbed)
    assert_same_training(inner, alone)


def test_graphs_and_their_memory_end_with_the_session(backend: Backend, held_bytes: Callable[[], int]) -> None:
    def train() -> weakref.ref[Session]:
        session = make_session(backend)
        fit(session)
        assert session.compiled
        return weakref.ref(session)

    train()
    before = held_bytes()
    for _ in range(3):
        released = train()
        gc.collect()
        assert released() is None
        assert held_bytes() == before


@pytest.fixture
def held_bytes() -> Callable[[], int]:
    """Return a function that returns the allocated device memory, except memory in CuPy's own pool."""
    import cupy

    if not pytest.importorskip("cupy_on_cpu").is_installed():
        pytest.skip("only the emulator counts")
    from cupy_on_cpu.allocations import memory

    def count() -> int:
        gc.collect()
        cupy.get_default_memory_pool().free_all_blocks()
        return sum(each.size for each in memory._allocations.values() if each.on_device)

    return count
