"""The state of a training as plain data: saved at any step, loaded on any backend."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutedl_xp import Backend, Dataset, Session, get_backend, schedules
from cutedl_xp.layers import Dense, Dropout
from cutedl_xp.listeners import EarlyStopping, FitListener, ReduceOnPlateau, TargetReached
from cutedl_xp.metrics import accuracy
from cutedl_xp.optimizers import (
    Accumulate,
    Adadelta,
    Adagrad,
    Adam,
    AverageWeights,
    ClipByNorm,
    Fixed,
    Frozen,
    Groups,
    Momentum,
    Optimizer,
    RMSProp,
)
from cutedl_xp.regularizers import L2
from optimizer_table import AROUND

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]
EPOCHS, EPOCH_STEPS = 3, 4
OPTIMIZERS: dict[str, Callable[[], Optimizer]] = AROUND | {
    "Fixed": lambda: Fixed(schedules.Cosine(0.3, updates=9)),
    "Momentum": lambda: Momentum(schedules.Step(0.1, every=2)),
    "Adagrad": lambda: Adagrad(0.1, initial_accumulator=0.1),
    "RMSProp": lambda: RMSProp(0.01, momentum=0.5, centered=True),
    "Adadelta": Adadelta,
    "Adam": lambda: Adam(schedules.Exponential(0.05, every=3, factor=0.5), amsgrad=True),
    "remainder": lambda: Accumulate(Groups({"*/bias": Fixed(schedules.Step(0.5, every=1)), "*": Adam(0.1)}), 5),
}


def train_data(clusters: Clusters) -> Dataset:
    """Return a data set with four batches per epoch, the last one smaller."""
    return Dataset(*clusters, batch_size=40, seed=5)


@pytest.fixture
def new_session(make_session: MakeSession) -> MakeSession:
    """Return a function that makes a session of three layers, dropout, penalties and a metric."""

    def make(optimizer: Optimizer, **options: Any) -> Session:
        parts = (Dense(6, input_dim=2), Dense(5, activation="tanh"), Dropout(0.7), Dense(3, activation="linear"))
        return make_session(*parts, optimizer=optimizer, regularizers=[L2(0.01)], metrics=[accuracy], **options)

    return make


def fit_to_the_end(session: Session, data: Dataset, listeners: Any = ()) -> dict[str, list[float]]:
    """Return the entries of a training up to the last epoch, with a validation every three steps."""
    history = session.fit(data, EPOCHS - session.epoch, val_data=data, val_steps=3, listeners=listeners)
    return {name: getattr(history, name) for name in ("steps", "loss", "val_loss", "val_accuracy", "lr")}


def fit_and_save(session: Session, data: Dataset, step: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Return the entries of a whole training, and the state after a step in the middle of it."""
    states: list[dict[str, Any]] = []
    save = FitListener("step_end", callback=lambda event: event.step == step and states.append(session.state_dict()))
    entries = fit_to_the_end(session, data, [save])
    return entries, states[0]


def last_of(series: Any, count: int) -> Any:
    if isinstance(series, dict):
        return {key: last_of(values, count) for key, values in series.items()}
    return series[len(series) - count :]


def assert_same(one: Any, other: Any, **tolerance: float) -> None:
    """Compare nested dicts and lists and their arrays, exactly or with a tolerance."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key], **tolerance)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair, **tolerance)
    elif isinstance(one, np.ndarray) or (tolerance and type(one) is float):
        np.testing.assert_allclose(one, other, **tolerance or {"rtol": 0.0})
    else:
        assert one == other
        assert type(one) is type(other)


def without_losses(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "losses"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3)
@pytest.mark.parametrize("name", OPTIMIZERS)
@given(step=st.integers(1, EPOCHS * EPOCH_STEPS - 1))
def test_a_loaded_state_continues_with_the_same_bits(
    new_session: MakeSession, clusters: Clusters, name: str, step: int
) -> None:
    data = train_data(clusters)
    undisturbed, resumed = new_session(OPTIMIZERS[name]()), new_session(OPTIMIZERS[name](), seed=1)
    expected, state = fit_and_save(undisturbed, data, step)
    kept = copy.deepcopy(state)
    resumed.load_state_dict(state)
    assert_same(resumed.state_dict(), kept)
    assert (resumed.epoch, resumed.step) == (step // EPOCH_STEPS, step)
    entries = fit_to_the_end(resumed, data)
    assert entries == {series: last_of(values, len(entries["steps"])) for series, values in expected.items()}
    assert_same(resumed.state_dict(), undisturbed.state_dict())
    assert_same(state, kept)  # the training does not change the loaded state


@pytest.mark.parametrize("step", [2, 7])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_loaded_state_continues_on_another_backend(
    new_session: MakeSession, clusters: Clusters, backend: Backend, name: str, step: int
) -> None:
    data = train_data(clusters)
    other = get_backend("array_api_strict" if backend.name == "numpy" else "numpy")
    for first, second in ((backend, other), (other, backend)):
        undisturbed = new_session(OPTIMIZERS[name](), on=first, dtype="float64")
        resumed = new_session(OPTIMIZERS[name](), on=second, dtype="float64", seed=1)
        expected, state = fit_and_save(undisturbed, data, step)
        resumed.load_state_dict(state)
        assert_same(without_losses(resumed.state_dict()), without_losses(state))
        entries = fit_to_the_end(resumed, data)
        wanted = {series: last_of(values, len(entries["steps"])) for series, values in expected.items()}
        assert_same(entries, wanted, rtol=1e-7, atol=1e-9)
        ends = [without_losses(session.state_dict()) for session in (resumed, undisturbed)]
        assert_same(*ends, rtol=1e-7, atol=1e-9)


def test_it_is_plain_values_and_numpy_arrays(new_session: MakeSession, clusters: Clusters) -> None:
    def check(tree: Any) -> None:
        if type(tree) is dict:
            assert all(type(key) is str for key in tree)
            tree = list(tree.values())
        if type(tree) is list:
            for each in tree:
                check(each)
        else:
            assert type(tree) in (int, float, bool, str, type(None), np.ndarray)

    session = new_session(OPTIMIZERS["several"]())
    check(session.state_dict())
    listeners = [EarlyStopping(restore_best=True), ReduceOnPlateau(), TargetReached()]
    session.fit(train_data(clusters), 1, train_data(clusters), listeners=listeners)
    state = session.state_dict()
    check(state)
    before = copy.deepcopy(state)
    session.fit(train_data(clusters), 1)
    assert_same(state, before)  # its arrays are copies


def test_a_session_that_has_not_trained_has_a_state(new_session: MakeSession, clusters: Clusters) -> None:
    first, second = new_session(OPTIMIZERS["several"]()), new_session(OPTIMIZERS["several"](), seed=1)
    second.load_state_dict(first.state_dict())
    assert fit_to_the_end(second, train_data(clusters)) == fit_to_the_end(first, train_data(clusters))


def test_learning_rates_that_a_listener_changed_are_part_of_it(new_session: MakeSession, clusters: Clusters) -> None:
    def optimizer() -> Optimizer:
        return ClipByNorm(Groups({"*/bias": Momentum(0.1), "*": Adam(schedules.Step(0.1, every=2))}), 1.0)

    first, second = new_session(optimizer()), new_session(optimizer())
    first.optimizer.rules[0].lr = 0.025
    state = first.state_dict()
    assert state["optimizer"]["lr"] == [0.025, None]
    second.load_state_dict(state)
    assert second.optimizer.rules[0].lr == 0.025
    assert isinstance(second.optimizer.rules[1].lr, schedules.Step)


@pytest.mark.parametrize("epoch", range(6))
def test_listeners_continue(new_session: MakeSession, clusters: Clusters, epoch: int) -> None:
    data = train_data(clusters)

    def listeners() -> list[Any]:
        return [ReduceOnPlateau("loss", 0.5, 2, 0.2), EarlyStopping("loss", 3, 0.2, restore_best=True)]

    states: list[dict[str, Any]] = []
    undisturbed, resumed = new_session(Adam(0.05)), new_session(Adam(0.05), seed=1)
    save = FitListener("epoch_end", callback=lambda event: states.append(undisturbed.state_dict()))
    expected = undisturbed.fit(data, 40, listeners=[*listeners(), save])
    assert expected.stopped_by == "listener"
    assert 6 < len(expected) < 40
    resumed.load_state_dict(states[epoch])
    history = resumed.fit(data, 40 - resumed.epoch, listeners=listeners())
    assert (history.stop_reason, history.loss) == (expected.stop_reason, expected.loss[epoch + 1 :])
    assert history.lr == expected.lr[epoch + 1 :]
    assert_same(resumed.state_dict(), undisturbed.state_dict())


def changed(state: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """Return a state with another value at a position."""
    state = copy.deepcopy(state)
    place = state
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return state


WEIGHT = "/1-Dense/weight"
REFUSED: dict[str, tuple[tuple[Any, ...], Any, type[Exception], str]] = {
    "a key is missing": (("step",), None, ValueError, "`d` must have the keys .*; got"),
    "a key is unknown": (("more",), 1, ValueError, "`d` must have the keys .*'more'"),
    "a parameter is missing": (("parameters", WEIGHT), None, ValueError, "`d.'parameters'.` must have the keys"),
    "a parameter is unknown": (("parameters", "w"), np.ones(1), ValueError, "`d.'parameters'.` must have the keys"),
    "a shape": (("parameters", WEIGHT), np.ones((6, 2), "float32"), ValueError, r"dtype float32 and shape \(2, 6\); g"),
    "a dtype": (("parameters", WEIGHT), np.ones((2, 6)), ValueError, "must have dtype float32 .*dtype float64"),
    "a list": (("parameters", WEIGHT), [1.0], TypeError, "must be a NumPy array; got"),
    "another optimizer": (
        ("optimizer", "classes"),
        {"class": "Fixed"},
        ValueError,
        "the state is one of the optimizer",
    ),
    "too many rates": (("optimizer", "lr"), [0.1, 0.1], ValueError, "a list with an entry for each of 1 rules"),
    "a rate below 0": (("optimizer", "lr"), [-0.1], ValueError, "must be greater than 0"),
    "a rate of 0": (("optimizer", "lr"), [0.0], ValueError, "must be greater than 0"),
    "a rate instead of a schedule": (("optimizer", "lr"), [None], ValueError, "both must be numbers, or both schedul"),
    "a slot is missing": (("optimizer", "state", "v"), None, ValueError, "keys"),
    "a slot's shape": (("optimizer", "state", "v", WEIGHT), np.ones(3, "float32"), ValueError, "shape"),
    "a count": (("optimizer", "state", "t"), -1, ValueError, "0 or greater; got -1"),
    "a layer is missing": (("layers", "/3-Dropout"), None, ValueError, "`d.'layers'.` must have the keys"),
    "a layer's state": (
        ("layers", "/3-Dropout"),
        {},
        ValueError,
        "the layer: the state of Dropout is a dict with the key",
    ),
    "a stream": (("layers", "/3-Dropout", "stream", "bit_generator"), "MT19937", ValueError, "does not fit the layer"),
    "a state of no state": (("layers", "/4-Dense"), {"x": 1}, ValueError, "Dense has no state; got the keys 'x'"),
    "an epoch": (("epoch",), -1, ValueError, "`d.'epoch'.` must be 0 or greater"),
    "a step": (("step",), 1.5, TypeError, "`d.'step'.` must be an integer"),
    "a batch": (("batch",), 4, ValueError, "beyond the last batch of the data"),
    "data": (("data", "seed"), None, ValueError, "`d.'data'.` must have the keys"),
    "a loss": (("losses", "host_sum"), "1", TypeError, "sums that are floats; got '1'"),
    "sums": (("losses", "device_sums"), [1.0], ValueError, "a list of four numbers, or empty"),
    "listeners": (("listeners",), [1], TypeError, "d.'listeners'. must be a dict"),
    "a listener": (("listeners", "EarlyStopping"), [1], TypeError, "must be a list of dicts"),
}


@pytest.mark.parametrize(("path", "to", "error", "match"), REFUSED.values(), ids=REFUSED)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    new_session: MakeSession, clusters: Clusters, path: Any, to: Any, error: type[Exception], match: str
) -> None:
    first, second = new_session(Adam(0.1)), new_session(Adam(0.05), seed=1)
    stop = FitListener("step_end", callback=lambda event: event.step == 6 and event.stop("enough"))
    first.fit(train_data(clusters), 2, listeners=[stop, EarlyStopping("loss")])
    second.fit(train_data(clusters), 1, listeners=[EarlyStopping("loss")])
    before = second.state_dict()
    with pytest.raises(error, match=match):
        second.load_state_dict(changed(first.state_dict(), *path, to=to))
    assert_same(second.state_dict(), before)
    second.load_state_dict(first.state_dict())
    assert_same(second.state_dict(), first.state_dict())


@pytest.mark.parametrize("d", [None, 3, []])
def test_it_must_be_a_dict(new_session: MakeSession, d: Any) -> None:
    with pytest.raises(TypeError, match=r"`d` must be a dict of Session\.state_dict"):
        new_session(Adam()).load_state_dict(d)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: Adam(0.1), lambda: RMSProp(0.1)),
        (lambda: Adam(0.1), lambda: ClipByNorm(Adam(0.1), 1.0)),
        (lambda: AverageWeights(Adam(0.1)), lambda: ClipByNorm(Adam(0.1), 1.0)),
        (lambda: Groups({"*": Adam(0.1)}), lambda: Groups({"*": RMSProp(0.1)})),
        (lambda: Groups({"*/bias": Adam(0.1), "*": Frozen()}), lambda: Groups({"*/weight": Adam(0.1), "*": Frozen()})),
    ],
)
def test_a_state_of_another_optimizer_is_refused(
    new_session: MakeSession, one: Callable[[], Optimizer], other: Callable[[], Optimizer]
) -> None:
    state = new_session(one()).state_dict()
    with pytest.raises(ValueError, match=r"this session's is .*; make a session with the same optimizer"):
        new_session(other()).load_state_dict(state)


@pytest.mark.parametrize("read", [False, True])
def test_reading_the_state_before_a_training_changes_nothing(make_session: Callable[..., Session], read: bool) -> None:
    session = make_session(optimizer=AverageWeights(Fixed(0.01), 0.9))
    if read:
        other = make_session(optimizer=AverageWeights(Fixed(0.01), 0.9))
        other.load_state_dict(session.state_dict())
    session.model.set_weights({name: 0.0 * w + 5.0 for name, w in session.model.weights().items()})
    if read:
        other.load_state_dict(session.state_dict())
        session = other
    session.optimizer.attach(session.model.parameters)
    average = session.optimizer.state["average"]
    assert all((session.backend.to_numpy(array) == 5.0).all() for array in average.values())
