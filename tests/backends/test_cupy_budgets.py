"""Requests of a training without graphs: few kernels per step, one per update, and no copies to the host.

The emulator of CuPy counts them. A step is a step of ``Session.fit``, from the rows of the batch to the sum of losses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu
from cutedl_xp import Backend, Dataset, Model, Session, losses, optimizers
from cutedl_xp.layers import Dense, Dropout, Layer
from cutedl_xp.metrics import accuracy
from optimizer_table import VARIANTS

ARTICLES_MODEL = (Dense(10, input_dim=784, activation="relu"),)
THREE_LAYERS = (Dense(32, input_dim=784), Dense(16), Dense(10, activation="linear"))
RULES = [variant.make() for variant in VARIANTS]


@pytest.fixture(autouse=True)
def _plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sessions train and evaluate in the plain loop."""
    monkeypatch.setenv("CUTEDL_XP_GRAPHS", "0")


@dataclass(frozen=True)
class Asked:
    """Requests to the device: kernels, matrix products, copies from and to the device, and explicit waiting."""

    launches: int
    gemms: int
    host_copies: int
    uploads: int
    synchronizations: int


def images(batches: int, one_hot: bool = True, shuffle: bool = True) -> Dataset:
    """Return random bytes of MNIST's shape, in batches of 64."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (64 * batches, 784), dtype=np.uint8)
    classes = random.integers(0, 10, 64 * batches)
    labels = np.eye(10, dtype="float32")[classes] if one_hot else classes
    return Dataset(pixels, labels, batch_size=64, shuffle=shuffle, scale=1 / 255)


def asked_by(work: Callable[[], Any]) -> Asked:
    cupy_on_cpu.reset_counts()
    work()
    counts = cupy_on_cpu.counts()
    return Asked(counts.launches, counts.gemms, counts.host_copies, counts.uploads, counts.synchronizations)


def asked_by_one_more(work: Callable[[int], Any]) -> Asked:
    """Return the requests of one more; five more make five times as many."""
    few, many = (asked_by(lambda number=number: work(number)) for number in (3, 8))
    more = {name: divmod(number - getattr(few, name), 5) for name, number in vars(many).items()}
    assert all(rest == 0 for _, rest in more.values())
    return Asked(**{name: each for name, (each, _) in more.items()})


def session(backend: Backend, layers: tuple[Layer, ...], **options: Any) -> Session:
    options = {"loss": losses.CategoricalCrossentropy(), "optimizer": optimizers.Adam()} | options
    return Session(Model(layers).assemble(backend), **options)


@pytest.mark.parametrize(
    ("layers", "options", "launches", "gemms"),
    [
        pytest.param(ARTICLES_MODEL, {}, 16, 2, id="article's model"),
        pytest.param(THREE_LAYERS, {}, 28, 8, id="three layers"),
        pytest.param(
            THREE_LAYERS, {"loss": losses.SparseCategoricalCrossentropy()}, 28, 8, id="three layers, class numbers"
        ),
        pytest.param((Dense(10, input_dim=784), Dense(10, activation="tanh")), {"loss": losses.Mse()}, 20, 5, id="mse"),
        pytest.param(
            (Dense(10, input_dim=784, activation="linear"),),
            {"loss": losses.BinaryCrossentropy()},
            16,
            2,
            id="binary cross-entropy",
        ),
    ],
)
def test_kernels_of_a_training_step(
    backend: Backend, layers: tuple[Layer, ...], options: dict[str, Any], launches: int, gemms: int
) -> None:
    one_hot = not isinstance(options.get("loss"), losses.SparseCategoricalCrossentropy)
    step = asked_by_one_more(lambda batches: session(backend, layers, **options).fit(images(batches, one_hot), 1))
    assert step.launches <= launches
    assert (step.gemms, step.host_copies, step.uploads, step.synchronizations) == (gemms, 0, 0, 0)


def test_a_dropout_layer_uploads_its_mask(backend: Backend) -> None:
    without, with_dropout = (
        asked_by_one_more(lambda batches, layers=layers: session(backend, layers).fit(images(batches), 1))
        for layers in (ARTICLES_MODEL, (Dropout(0.5), *ARTICLES_MODEL))
    )
    assert with_dropout.uploads == 1
    assert with_dropout.host_copies == 0
    assert with_dropout.launches <= without.launches + 2  # the mask as factors, and their product


@pytest.mark.parametrize("rule", RULES, ids=map(str, VARIANTS))
@pytest.mark.parametrize("hidden", [0, 9])
def test_an_update_is_one_kernel_for_any_number_of_parameters(
    backend: Backend, rule: optimizers.Optimizer, hidden: int
) -> None:
    model = Model([Dense(4, input_dim=4) for _ in range(1 + hidden)]).assemble(backend)
    optimizer = type(rule)(**vars(rule))
    optimizer.step(model.parameters)  # creates the state
    assert asked_by(lambda: optimizer.step(model.parameters)) == Asked(1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "launches"), [(optimizers.ClipByValue, 1), (optimizers.ClipByGlobalNorm, 3), (optimizers.ClipByNorm, 60)]
)
def test_clipping_copies_nothing_to_the_host(backend: Backend, kind: Any, launches: int) -> None:
    model = Model([Dense(4, input_dim=4) for _ in range(10)]).assemble(backend)
    optimizer = kind(optimizers.Adam(), 1.0)
    optimizer.step(model.parameters)
    assert asked_by(lambda: optimizer.step(model.parameters)) == Asked(launches + 1, 0, 0, 0, 0)


@pytest.mark.parametrize("rule", RULES, ids=map(str, VARIANTS))
def test_a_pure_update_is_one_kernel_for_each_array(backend: Backend, rule: optimizers.Optimizer) -> None:
    params = [backend.asarray(np.ones(shape, "float32")) for shape in ((3, 4), 4, ())]
    state = rule.init(params)
    rule.update(params, params, state)
    assert asked_by(lambda: rule.update(params, params, state)) == Asked(3, 0, 0, 0, 0)


def test_an_update_is_one_kernel_for_each_group(backend: Backend) -> None:
    model = Model([Dense(4, input_dim=4) for _ in range(10)]).assemble(backend)
    rules = {"/1-*": optimizers.Frozen(), "*/bias": optimizers.Momentum(), "*": optimizers.Adam()}
    optimizer = optimizers.Groups(rules)
    optimizer.step(model.parameters)
    assert asked_by(lambda: optimizer.step(model.parameters)) == Asked(2, 0, 0, 0, 0)


def test_finite_gradients_are_checked_once_a_step(backend: Backend) -> None:
    model = Model([Dense(4, input_dim=4) for _ in range(10)]).assemble(backend)
    optimizer = optimizers.SkipNonFinite(optimizers.Adam())
    optimizer.step(model.parameters)
    asked = asked_by(lambda: optimizer.step(model.parameters))
    assert (asked.launches, asked.host_copies, asked.uploads) == (3, 1, 0)


def test_the_host_receives_one_copy_per_validation(backend: Backend) -> None:
    def fit(epochs: int, batches: int) -> None:
        trained = session(backend, ARTICLES_MODEL, metrics=[accuracy])
        trained.fit(images(2), epochs, val_data=images(batches, shuffle=False))

    per_epoch = [asked_by_one_more(lambda epochs, size=size: fit(epochs, size)) for size in (1, 4)]
    assert [each.host_copies for each in per_epoch] == [1, 1]
    assert [each.uploads for each in per_epoch] == [1, 1]  # the order of the epoch
    per_batch = asked_by_one_more(lambda batches: fit(1, batches))
    assert (per_batch.host_copies, per_batch.uploads) == (0, 0)


@pytest.mark.parametrize(
    ("loss", "launches"),
    [
        (losses.CategoricalCrossentropy(), 9),
        (losses.SparseCategoricalCrossentropy(), 11),
        (losses.CategoricalCrossentropy(from_logits=False), 6),
        (losses.BinaryCrossentropy(), 6),
        (losses.Mse(), 6),
    ],
    ids=repr,
)
def test_kernels_of_a_validation_batch(backend: Backend, loss: losses.Loss, launches: int) -> None:
    one_hot = not isinstance(loss, losses.SparseCategoricalCrossentropy)

    def evaluate(batches: int) -> None:
        session(backend, ARTICLES_MODEL, loss=loss).evaluate(images(batches, one_hot, shuffle=False))

    batch = asked_by_one_more(evaluate)
    assert batch.launches <= launches
    assert (batch.gemms, batch.host_copies, batch.uploads, batch.synchronizations) == (1, 0, 0, 0)
