"""Requests of a training with CUDA graphs: one launch per step, and one upload per chunk.

The emulator of CuPy counts them, after a first ``Session.fit`` has captured the steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu
from cutedl_xp import Backend, Dataset, Model, Session, losses, optimizers
from cutedl_xp.layers import Dense, Dropout, Layer
from cutedl_xp.metrics import accuracy
from cutedl_xp.regularizers import L1, L2
from cutedl_xp.training import pace
from optimizer_table import AROUND, VARIANTS

ARTICLES_MODEL = (Dense(10, input_dim=784, activation="relu"),)
THREE_LAYERS = (Dense(32, input_dim=784), Dense(16), Dense(10, activation="linear"))
SMALL = (Dense(8, input_dim=784), Dense(6), Dense(10, activation="linear"))
AROUND_GROUPS: dict[str, Callable[[], optimizers.Optimizer]] = {
    "Accumulate of Groups": lambda: optimizers.Accumulate(AROUND["Groups"](), 3),
    "SkipNonFinite of Groups": lambda: optimizers.SkipNonFinite(AROUND["Groups"]()),
}
WRAPPERS = AROUND | AROUND_GROUPS
OPTIMIZERS = WRAPPERS | {variant.kind.__name__: variant.make for variant in VARIANTS}
SIZE, CHUNK = 64, 6  # so that Accumulate has no gradients left after an epoch


@pytest.fixture(autouse=True)
def _chunks_of_one_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix the number of steps of every chunk, regardless of the speed of the machine."""
    monkeypatch.setattr(pace, "_FIRST", CHUNK)
    monkeypatch.setattr(pace.Pace, "_measured", lambda *_, late: None)


@dataclass(frozen=True)
class Asked:
    """Requests to the device: graphs, their captures, and kernels, products and copies outside of graphs."""

    graphs: int = 0
    launches: int = 0
    gemms: int = 0
    host_copies: int = 0
    uploads: int = 0
    captured: int = 0


def images(batches: int, rest: int = 0, shuffle: bool = True) -> Dataset:
    """Return random bytes of MNIST's shape, in batches of 64 and a possibly smaller last batch."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (SIZE * batches + rest, 784), dtype=np.uint8)
    labels = np.eye(10, dtype="float32")[random.integers(0, 10, len(pixels))]
    return Dataset(pixels, labels, batch_size=SIZE, shuffle=shuffle, scale=1 / 255)


def make_session(backend: Backend, *layers: Layer, **options: Any) -> Session:
    options = {"loss": losses.CategoricalCrossentropy(), "optimizer": optimizers.Adam()} | options
    return Session(Model(layers).assemble(backend), **options)


def asked_by(work: Callable[[], Any]) -> Asked:
    cupy_on_cpu.reset_counts()
    work()
    counts = cupy_on_cpu.counts()
    return Asked(counts.graphs, counts.launches, counts.gemms, counts.host_copies, counts.uploads, len(counts.captured))


def asked_by_one_more(work: Callable[[int], Any]) -> Asked:
    """Return the requests of one more; five more make five times as many."""
    few, many = (asked_by(lambda number=number: work(number)) for number in (3, 8))
    more = {name: divmod(number - getattr(few, name), 5) for name, number in vars(many).items()}
    assert all(rest == 0 for _, rest in more.values())
    return Asked(**{name: each for name, (each, _) in more.items()})


def asked_by_an_epoch(session: Session, train: Dataset, **options: Any) -> Asked:
    """Return the requests of one more epoch with its entry in the history."""
    session.fit(train, 4, **options)
    asked = asked_by_one_more(lambda epochs: session.fit(train, epochs, **options))
    assert session.compiled
    return asked


def asked_by_a_chunk(session: Session) -> Asked:
    """Return the requests of one more chunk in an epoch."""
    trainings = [images(CHUNK * chunks) for chunks in (1, 3)]
    for train in trainings:
        session.fit(train, 1)
    few, many = (vars(asked_by(lambda train=train: session.fit(train, 1))) for train in trainings)
    assert session.compiled
    assert all((many[name] - few[name]) % 2 == 0 for name in many)
    return Asked(**{name: (many[name] - few[name]) // 2 for name in many})


ONLY_GRAPHS = Asked(graphs=CHUNK, uploads=1)


@pytest.mark.parametrize("layers", [ARTICLES_MODEL, THREE_LAYERS], ids=["article's model", "three layers"])
def test_a_step_is_one_graph_and_a_chunk_one_upload(backend: Backend, layers: tuple[Layer, ...]) -> None:
    assert asked_by_a_chunk(make_session(backend, *layers)) == ONLY_GRAPHS


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_optimizer_is_within_the_graph(backend: Backend, make: Callable[[], optimizers.Optimizer]) -> None:
    assert asked_by_a_chunk(make_session(backend, *SMALL, optimizer=make())) == ONLY_GRAPHS


@pytest.mark.parametrize(
    ("layers", "options"),
    [
        pytest.param((Dropout(0.5), *SMALL), {}, id="dropout of the samples"),
        pytest.param((*SMALL[:2], Dropout(0.5), SMALL[2]), {}, id="dropout"),
        pytest.param((Dense(10, input_dim=784, activation="tanh"),), {"loss": losses.Mse()}, id="mse"),
        pytest.param(
            (Dense(10, input_dim=784, activation="linear"),),
            {"loss": losses.BinaryCrossentropy()},
            id="binary cross-entropy",
        ),
        pytest.param(SMALL, {"regularizers": [L1(0.01), L2(0.01)]}, id="penalties"),
    ],
)
def test_every_part_of_a_step_is_within_the_graph(
    backend: Backend, layers: tuple[Layer, ...], options: dict[str, Any]
) -> None:
    assert asked_by_a_chunk(make_session(backend, *layers, **options)) == ONLY_GRAPHS


def test_the_last_short_batch_has_its_own_graph(backend: Backend) -> None:
    whole, with_rest = (
        asked_by_an_epoch(make_session(backend, *SMALL), images(CHUNK, rest)) for rest in (0, SIZE // 2)
    )
    assert with_rest == replace(whole, graphs=whole.graphs + 1, uploads=whole.uploads + 1)


@pytest.mark.parametrize(
    ("make", "copies"),
    [
        (optimizers.Adam, 1),
        # The number of updates is on the device
        (lambda: optimizers.SkipNonFinite(optimizers.Adam()), 2),
    ],
    ids=["Adam", "SkipNonFinite"],
)
def test_the_host_receives_one_copy_per_validation(
    backend: Backend, make: Callable[[], optimizers.Optimizer], copies: int
) -> None:
    small, large = (
        asked_by_an_epoch(
            make_session(backend, *SMALL, optimizer=make(), metrics=[accuracy]),
            images(CHUNK),
            val_data=images(batches, shuffle=False),
        )
        for batches in (1, 4)
    )
    assert small.host_copies == copies
    assert large == replace(small, graphs=small.graphs + 3)
    assert (small.graphs, small.gemms, small.captured) == (CHUNK + 1, 0, 0)


@pytest.mark.parametrize("make", WRAPPERS.values(), ids=WRAPPERS)
def test_graphs_have_no_copy_node(backend: Backend, make: Callable[[], optimizers.Optimizer]) -> None:
    cupy_on_cpu.reset_counts()
    make_session(backend, *SMALL[:2], Dropout(0.5), SMALL[2], optimizer=make()).fit(images(CHUNK), 1)
    captured = cupy_on_cpu.counts().captured
    assert "gemm" in captured
    assert "memcpy" not in captured
