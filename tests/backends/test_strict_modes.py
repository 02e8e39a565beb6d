"""Trainings under the strict modes of the libraries, with the results of their usual modes."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Session, activations, get_backend, layers, losses, metrics, regularizers
from cutedl_xp.optimizers import Momentum, Optimizer
from optimizer_table import AROUND, VARIANTS

OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {str(variant): variant.make for variant in VARIANTS} | AROUND
LOSSES = [losses.Mse()] + [
    kind(from_logits)
    for kind in (losses.BinaryCrossentropy, losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy)
    for from_logits in (True, False)
]
ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh")
OTHER_LAYERS = (
    layers.Dense(3, input_dim=2, activation="tanh"),
    layers.Dropout(0.8),
    layers.Flatten(),
    layers.LayerNormalization(),
    layers.BatchNormalization(),
    layers.Activation("relu"),
    layers.Activation("softmax"),
    layers.Dense(3, activation="sigmoid"),
)


@contextlib.contextmanager
def of_numpy() -> Iterator[None]:
    with np.errstate(all="raise"):
        yield


@contextlib.contextmanager
def of_jax() -> Iterator[None]:
    import jax

    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        yield


@contextlib.contextmanager
def of_torch() -> Iterator[None]:
    import torch

    default = torch.get_default_dtype()
    torch.use_deterministic_algorithms(True)
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
        torch.use_deterministic_algorithms(False)


MODES = {"numpy": of_numpy, "jax": of_jax, "torch": of_torch}

Both = Callable[[Callable[[], Any]], None]


@pytest.fixture(params=["0", "1"], ids=["plain", "fused"])
def chosen(request: pytest.FixtureRequest, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Return the backend with fused kernels, and for NumPy also without numba."""
    if backend.name not in MODES:
        pytest.skip("this library has no strict mode")
    if backend.name != "numpy" and request.param == "0":
        pytest.skip("without fused kernels this library computes with the same formulas")
    monkeypatch.setenv("CUTEDL_XP_FUSED", request.param)
    return get_backend(backend.name)


@pytest.fixture
def in_both_modes(chosen: Backend) -> Both:
    """Return a function that checks that work has the same result in the library's strict mode."""

    def check(work: Callable[[], Any]) -> None:
        expected = work()
        with MODES[chosen.name]():
            assert work() == expected

    return check


@pytest.fixture
def train(
    chosen: Backend, make_session: Callable[..., Session], weights_of: Callable[[Session], dict[str, np.ndarray]]
) -> Any:
    """Return a function that trains, and returns the weights, the history and an evaluation as plain values."""

    def run(*model_layers: layers.Layer, several_axes: bool = False, large: float = 1.0, **options: Any) -> Any:
        random = np.random.default_rng(0)
        classes = np.arange(120).reshape(24, 5) % 3 if several_axes else np.arange(24) % 3
        x = random.normal(0, large, (*classes.shape, 2)).astype("float32")
        y = classes if isinstance(options["loss"], losses.SparseCategoricalCrossentropy) else np.eye(3)[classes]
        metric = metrics.binary_accuracy if isinstance(options["loss"], losses.BinaryCrossentropy) else metrics.accuracy
        session = make_session(*model_layers, on=chosen, metrics=[metric], **options)
        data = Dataset(x, y, 8, scale=0.5)
        history = session.fit(data, 3, val_data=data)
        predicted = session.backend.to_numpy(session.model.predict(x)).tolist()
        assert all(array.dtype == "float32" for array in weights_of(session).values())
        weights = {name: array.tolist() for name, array in weights_of(session).items()}
        return weights, history.loss, history.val_loss, session.evaluate(data), predicted

    return run


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(in_both_modes: Both, train: Any, name: str) -> None:
    model = layers.Dense(3, input_dim=2), layers.Dense(3, activation="linear")
    in_both_modes(lambda: train(*model, loss=losses.CategoricalCrossentropy(), optimizer=OPTIMIZERS[name]()))


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        (loss, activation)
        for loss in LOSSES
        for activation in ACTIVATIONS
        if getattr(loss, "from_logits", True) or activation == "sigmoid"  # whose outputs are probabilities
    ],
    ids=str,
)
@pytest.mark.parametrize("large", [1.0, 1000.0])
def test_losses_and_activations(
    in_both_modes: Both, train: Any, loss: losses.Loss, activation: str, large: float
) -> None:
    model = layers.Dense(3, input_dim=2, activation=activation), layers.Dense(3, activation=activation)
    in_both_modes(lambda: train(*model, loss=loss, optimizer=Momentum(0.01 / large), large=large))


@pytest.mark.parametrize("regularizer", [regularizers.L1(0.1), regularizers.L2(0.1)], ids=repr)
def test_other_layers_and_regularizers(in_both_modes: Both, train: Any, regularizer: Any) -> None:
    options = {"loss": losses.SparseCategoricalCrossentropy(), "regularizers": [regularizer]}
    in_both_modes(lambda: train(*OTHER_LAYERS, optimizer=Momentum(0.1), **options))


def test_metrics(in_both_modes: Both, chosen: Backend, make_session: Callable[..., Session], clusters: Any) -> None:
    of_classes: list[Any] = [metrics.Accuracy(), metrics.TopKAccuracy(2), metrics.F1(), metrics.ConfusionMatrix()]
    of_numbers: list[Any] = [metrics.R2(), metrics.RMSE(), metrics.MeanAbsoluteError()]
    x, classes = clusters
    for each, units, loss, labels in (
        (of_classes, 3, losses.SparseCategoricalCrossentropy(), classes),
        (of_numbers, 2, losses.Mse(), x),
    ):
        session = make_session(layers.Dense(units, 2, "linear"), loss=loss, metrics=each)
        for data in ((x, labels), (x, labels, np.ones(len(x)))):
            in_both_modes(lambda session=session, data=data: str(session.evaluate(data)))


def test_samples_of_several_axes(in_both_modes: Both, train: Any) -> None:
    model = layers.Dense(4, input_dim=2), layers.Dense(3, activation="linear")
    for loss in (losses.SparseCategoricalCrossentropy(), losses.CategoricalCrossentropy()):
        in_both_modes(lambda loss=loss: train(*model, several_axes=True, loss=loss, optimizer=Momentum(0.1)))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses_by_themselves(in_both_modes: Both, chosen: Backend, loss: losses.Loss) -> None:
    classes = np.asarray([[0, 1], [2, 0]])
    labels = classes if isinstance(loss, losses.SparseCategoricalCrossentropy) else np.eye(3)[classes]
    outputs = np.asarray([[[200.0, -200, 0], [1e-30, 1, 0.5]], [[0, 0, 1e-40], [1, 0, 0]]])

    def work() -> Any:
        y, p = chosen.asarray(labels), chosen.asarray(outputs, "float32")
        value, gradient = loss(y, p)
        assert value.dtype == gradient.dtype == p.dtype
        return float(chosen.to_numpy(value)), chosen.to_numpy(gradient).tolist()

    in_both_modes(work)


def test_small_numbers_are_converted(
    in_both_modes: Both, chosen: Backend, make_session: Callable[..., Session]
) -> None:
    small = np.asarray([[1e-50, 1.0]])
    model = make_session(on=chosen).model
    in_both_modes(lambda: chosen.to_numpy(chosen.asarray(small, "float32")).tolist())
    in_both_modes(lambda: chosen.to_numpy(model.predict(small)).tolist())


def test_a_layer_without_fused_kernels(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend.name != "jax":
        pytest.skip("of JAX alone")
    monkeypatch.setenv("CUTEDL_XP_FUSED", "0")
    plain = get_backend("jax")
    with MODES["jax"]():
        y = plain.add_bias(plain.asarray([[1.0, -2.0]]), plain.asarray([2.0, 1.0]), activations.relu)
    assert plain.to_numpy(y).tolist() == [[3.0, 0.0]]


def test_overflow_of_a_training_that_diverges_is_still_an_error(
    backend: Backend, make_session: Callable[..., Session]
) -> None:
    if backend.name != "numpy":
        pytest.skip("of NumPy alone")
    session = make_session(loss=losses.Mse(), optimizer=Momentum(1e30))
    data = Dataset(np.ones((8, 2), "float32"), np.zeros((8, 3), "float32"), 8)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow"):
        session.fit(data, 5)
