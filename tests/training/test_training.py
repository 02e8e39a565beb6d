"""Whole trainings: what they learn, and that they are reproducible on all backends."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, History, Session, get_backend
from cutedl_xp.layers import Dense, Dropout, Flatten
from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, Mse, SparseCategoricalCrossentropy
from cutedl_xp.metrics import accuracy
from cutedl_xp.optimizers import Adadelta, Adagrad, Adam, Fixed, Momentum, Optimizer, RMSProp
from cutedl_xp.regularizers import L1, L2

MakeSession = Callable[..., Session]
WeightsOf = Callable[[Session], dict[str, np.ndarray]]
OPTIMIZERS = [Fixed(0.1), Momentum(0.05), Adagrad(0.1), RMSProp(0.01), Adadelta(), Adam(0.01)]


def figures(history: History) -> dict[str, list[Any]]:
    """Return all values of a history except the time."""
    return {"steps": history.steps} | {name: history.series(name) for name in history.recorded}


def a_fresh(optimizer: Optimizer) -> Optimizer:
    """Return an optimizer with the same hyper-parameters, without a model."""
    return type(optimizer)(**vars(optimizer))


def test_linear_regression_finds_the_least_squares_solution(
    make_session: MakeSession, weights_of: WeightsOf, dtype: str
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(100, 2))
    y = x @ np.array([[2.0], [-3.0]]) + 0.5 + random.normal(0.0, 0.1, (100, 1))
    session = make_session(Dense(1, input_dim=2, activation="linear"), dtype=dtype, loss=Mse(), optimizer=Fixed(0.1))
    history = session.fit(Dataset(x, y, batch_size=100), epochs=200)
    with_ones = np.column_stack([x, np.ones(100)])
    solution, residuals, *_ = np.linalg.lstsq(with_ones, y)
    weights = weights_of(session)
    learnt = np.concatenate([weights["/1-Dense/weight"].ravel(), weights["/1-Dense/bias"]])
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(learnt, solution.ravel(), atol=tolerance)
    assert history.loss[-1] == pytest.approx(float(residuals[0]) / 100, rel=1e-4)


@pytest.mark.parametrize("one_hot", [False, True])
def test_classification_learns(
    make_session: MakeSession, clusters: tuple[np.ndarray, np.ndarray], one_hot: bool, dtype: str
) -> None:
    x, classes = clusters
    labels, loss = (np.eye(3)[classes], CategoricalCrossentropy()) if one_hot else (classes, None)
    session = make_session(dtype=dtype, loss=loss or SparseCategoricalCrossentropy(), metrics=[accuracy])
    history = session.fit(Dataset(x[:100], labels[:100]), epochs=40, val_data=Dataset(x[100:], labels[100:]))
    assert history.val_accuracy[-1] > 0.95
    assert history.val_loss[-1] < 0.2 < history.val_loss[0]


def test_one_hot_labels_and_class_numbers_train_alike(
    make_session: MakeSession, clusters: tuple[np.ndarray, np.ndarray]
) -> None:
    x, classes = clusters
    sparse, one_hot = make_session(), make_session(loss=CategoricalCrossentropy())
    expected = figures(sparse.fit(Dataset(x, classes), epochs=3))
    assert figures(one_hot.fit(Dataset(x, np.eye(3)[classes]), epochs=3)) == expected


def test_two_layers_learn_xor(make_session: MakeSession, to_numpy: Callable[..., np.ndarray], dtype: str) -> None:
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.0], [1.0], [1.0], [0.0]])
    hidden = Dense(8, input_dim=2, activation="tanh", weight_initializer="glorot_uniform")
    session = make_session(
        hidden, Dense(1, activation="linear"), dtype=dtype, loss=BinaryCrossentropy(), optimizer=Adam(0.05)
    )
    session.fit(Dataset(x, y, batch_size=4), epochs=200)
    np.testing.assert_array_equal(to_numpy(session.model.predict(x)) > 0, y > 0)
    assert session.evaluate(Dataset(x, y))["loss"] < 0.05


def softmax_cross_entropy(w: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean loss for one-hot labels, and its gradient with respect to the outputs."""
    z = np.maximum(x @ w + b, 0.0)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return float(-(y * np.log(p)).sum(axis=1).mean()), np.where(z > 0, p - y, 0.0) / len(x)


def test_figures_are_those_of_a_loop_by_hand(
    make_session: MakeSession, weights_of: WeightsOf, clusters: tuple[np.ndarray, np.ndarray]
) -> None:
    x, classes = clusters
    y = np.eye(3)[classes]
    session = make_session(
        Dense(3, input_dim=2, activation="relu"),
        dtype="float64",
        loss=CategoricalCrossentropy(),
        optimizer=Adam(lr=0.03, beta1=0.8, beta2=0.95),
        metrics=[accuracy],
    )
    start = weights_of(session)
    w, b = start["/1-Dense/weight"], start["/1-Dense/bias"]
    train = Dataset(x[:100], y[:100], batch_size=32, shuffle=False)  # the last batch has 4 samples
    val_data = Dataset(x[100:], y[100:], batch_size=16)  # the last batch has 2
    history = session.fit(train, 2, val_data=val_data, val_steps=3)

    expected: dict[str, list[Any]] = {"steps": [], "loss": [], "val_loss": [], "val_accuracy": []}
    moments = [np.zeros_like(w), np.zeros_like(w), np.zeros_like(b), np.zeros_like(b)]
    recent: list[tuple[float, int]] = []
    for t in range(1, 9):
        batch = slice(32 * ((t - 1) % 4), min(32 * ((t - 1) % 4) + 32, 100))
        value, dz = softmax_cross_entropy(w, b, x[batch], y[batch])
        recent.append((value, len(x[batch])))
        for i, (parameter, gradient) in enumerate([(w, x[batch].T @ dz), (b, dz.sum(axis=0))]):
            moments[2 * i] = 0.8 * moments[2 * i] + 0.2 * gradient
            moments[2 * i + 1] = 0.95 * moments[2 * i + 1] + 0.05 * gradient**2
            root = np.sqrt(moments[2 * i + 1] / (1 - 0.95**t))
            parameter -= 0.03 * moments[2 * i] / (1 - 0.8**t) / (root + 1e-8)
        if t in (3, 6, 8):
            hits = np.argmax(np.maximum(x[100:] @ w + b, 0.0), axis=1) == classes[100:]
            values, sizes = zip(*recent, strict=True)
            entry = (
                t,
                np.average(values, weights=sizes),
                softmax_cross_entropy(w, b, x[100:], y[100:])[0],
                np.mean(hits),
            )
            for series, figure in zip(expected.values(), entry, strict=True):
                series.append(figure)
            recent = []

    recorded = figures(history)
    assert recorded.pop("steps") == expected.pop("steps")
    for name, series in expected.items():
        np.testing.assert_allclose(recorded[name], series, rtol=1e-12, atol=1e-12)
    trained = weights_of(session)
    np.testing.assert_allclose(trained["/1-Dense/weight"], w, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(trained["/1-Dense/bias"], b, rtol=1e-12, atol=1e-12)


def test_dropout_acts_in_training_alone(make_session: MakeSession, clusters: tuple[np.ndarray, np.ndarray]) -> None:
    data = Dataset(*clusters, batch_size=150, shuffle=False)

    def losses_of(keep_prob: float) -> tuple[float, float]:
        session = make_session(
            Dropout(keep_prob), Dense(3, input_dim=2, activation="relu", weight_initializer="he_normal")
        )
        return session.evaluate(data)["loss"], session.fit(data, epochs=1).loss[0]

    evaluated, trained = losses_of(0.5)
    assert losses_of(1.0) == pytest.approx((evaluated, evaluated), rel=1e-6)
    assert abs(trained - evaluated) > 1e-3


def images() -> tuple[np.ndarray, np.ndarray]:
    """Return noisy 3 x 3 images with pixels from 0 to 255, as uint8, of four classes."""
    random = np.random.default_rng(5)
    classes = np.arange(60) % 4
    return random.integers(0, 200, (60, 3, 3)).astype("uint8") + (classes * 15).astype("uint8")[:, None, None], classes


def train_on_images(
    make_session: MakeSession, optimizer: Optimizer, fits: tuple[int, ...] = (3,), **options: Any
) -> tuple[Session, list[History]]:
    """Run a training with all sources of differences: shuffling, dropout, penalties, scale."""
    x, y = images()
    session = make_session(
        Flatten(),
        Dense(5, input_dim=9, activation="relu"),
        Dropout(0.7),
        Dense(4, activation="tanh"),
        optimizer=a_fresh(optimizer),
        regularizers=[L2(0.01), L1(0.002)],
        metrics=[accuracy],
        **options,
    )
    train = Dataset(x[:40], y[:40], batch_size=16, seed=3, scale=1 / 255)
    val_data = Dataset(x[40:], y[40:], batch_size=8, scale=1 / 255)
    return session, [session.fit(train, epochs, val_data=val_data) for epochs in fits]


@pytest.mark.usefixtures("_comparable_to_the_bit")
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
def test_every_backend_trains_as_numpy_does(
    make_session: MakeSession, weights_of: WeightsOf, backend: Backend, optimizer: Optimizer, dtype: str
) -> None:
    session, [history] = train_on_images(make_session, optimizer, dtype=dtype)
    on_numpy, [expected] = train_on_images(make_session, optimizer, dtype=dtype, on=get_backend("numpy"))
    rounding = {"rtol": 0.0, "atol": 0.0 if backend.name in ("numpy", "array_api_strict") else 1e-4}
    assert len(history) == 3
    # NumPy sums the batches in float64 on the host, array_api_strict on the device
    rtol = 8.0 * float(np.finfo(dtype).eps) if backend.name == "array_api_strict" else 0.0
    of_sums = rounding | {"rtol": rtol}
    for name, series in figures(history).items():
        np.testing.assert_allclose(series, figures(expected)[name], **of_sums)
    for name, value in weights_of(session).items():
        assert value.dtype == dtype
        np.testing.assert_allclose(value, weights_of(on_numpy)[name], **rounding)


def test_a_seed_gives_the_same_training_twice(make_session: MakeSession, weights_of: WeightsOf, dtype: str) -> None:
    first, first_histories = train_on_images(make_session, Adam(0.01), dtype=dtype)
    second, second_histories = train_on_images(make_session, Adam(0.01), dtype=dtype)
    assert list(map(figures, first_histories)) == list(map(figures, second_histories))
    for name, value in weights_of(first).items():
        np.testing.assert_array_equal(value, weights_of(second)[name])


def test_another_seed_gives_another_training(make_session: MakeSession) -> None:
    _, [first] = train_on_images(make_session, Adam(0.01))
    _, [second] = train_on_images(make_session, Adam(0.01), seed=1)
    assert first.loss != second.loss


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
def test_two_fits_are_one_long_fit(make_session: MakeSession, weights_of: WeightsOf, optimizer: Optimizer) -> None:
    in_two, (first, second) = train_on_images(make_session, optimizer, fits=(2, 2))
    in_one, [whole] = train_on_images(make_session, optimizer, fits=(4,))
    for name, value in weights_of(in_one).items():
        np.testing.assert_array_equal(weights_of(in_two)[name], value)
    assert (first.steps, second.steps, whole.steps) == ([3, 6], [9, 12], [3, 6, 9, 12])
    for name, series in figures(whole).items():
        assert figures(first)[name] + figures(second)[name] == series
    assert (in_two.step, in_two.epoch) == (in_one.step, in_one.epoch) == (12, 4)
    assert in_two.history is second
    assert first.stop_reason == second.stop_reason == "all epochs done"


@pytest.mark.parametrize(
    ("regularizers", "penalty_gradient"),
    [
        ([L2(0.5)], lambda w: 0.5 * w),
        ([L1(0.5)], lambda w: 0.5 * np.sign(w)),
        ([L1(0.25), L2(0.5)], lambda w: 0.25 * np.sign(w) + 0.5 * w),
        ([L2(0.0)], lambda w: 0.0 * w),
        ([L2(0.5, pattern="/2-*/bias")], None),
    ],
    ids=["L2", "L1", "L1 and L2", "no damping", "bias alone"],
)
def test_regularizers_change_the_update_of_weights_alone(
    make_session: MakeSession,
    weights_of: WeightsOf,
    clusters: tuple[np.ndarray, np.ndarray],
    regularizers: list[Any],
    penalty_gradient: Callable[[np.ndarray], np.ndarray] | None,
) -> None:
    def after_one_step(**options: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], list[float]]:
        parts = (
            Dense(4, input_dim=2, activation="tanh", bias_initializer="ones"),
            Dense(3, bias_initializer="ones", activation="relu"),
        )
        session = make_session(*parts, dtype="float64", optimizer=Fixed(lr=0.1), **options)
        before = weights_of(session)
        history = session.fit(Dataset(*clusters, batch_size=150), epochs=1)
        return before, weights_of(session), history.loss

    before, plain, plain_loss = after_one_step()
    _, penalised, loss = after_one_step(regularizers=regularizers)
    assert loss == plain_loss  # the reported loss is that of the data only
    for name, w in before.items():
        if name.endswith("weight"):
            change = 0.0 if penalty_gradient is None else 0.1 * penalty_gradient(w)
        else:
            change = 0.1 * 0.5 * w if penalty_gradient is None and name.startswith("/2-") else 0.0
        np.testing.assert_allclose(penalised[name], plain[name] - change, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("fits_before", [0, 1])
def test_a_deep_copy_of_a_session_trains_as_the_original(
    make_session: MakeSession, weights_of: WeightsOf, clusters: tuple[np.ndarray, np.ndarray], fits_before: int
) -> None:
    train = Dataset(*clusters)
    session = make_session()
    for _ in range(fits_before):
        session.fit(train, 1)
    again = copy.deepcopy(session)
    assert again.fit(train, 2).loss == session.fit(train, 2).loss
    for name, value in weights_of(session).items():
        np.testing.assert_array_equal(weights_of(again)[name], value)


def test_one_layer_serves_as_the_pattern_of_two_models(make_session: MakeSession, weights_of: WeightsOf) -> None:
    layer = Dense(3, input_dim=2, activation="relu")
    first, second = make_session(layer, seed=0), make_session(layer, seed=1)
    before = weights_of(second)
    first.fit(Dataset(np.ones((8, 2)), np.zeros(8, dtype=int)), 1)
    for name, value in weights_of(second).items():
        np.testing.assert_array_equal(value, before[name])
