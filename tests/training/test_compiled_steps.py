"""Training steps in chunks: the results of the plain loop, for all models, optimizers and listeners."""

import copy
import gc
import signal
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Session, schedules
from cutedl_xp.backends import backend_of
from cutedl_xp.layers import BatchNormalization, Dense, Dropout, Layer, LayerNormalization
from cutedl_xp.listeners import EarlyStopping, Event, FitListener, ReduceOnPlateau
from cutedl_xp.losses import Mse
from cutedl_xp.metrics import accuracy
from cutedl_xp.optimizers import (
    Accumulate,
    Adam,
    AverageWeights,
    ClipByGlobalNorm,
    ClipByNorm,
    Fixed,
    Groups,
    Momentum,
    Optimizer,
    RMSProp,
    SkipNonFinite,
)
from cutedl_xp.regularizers import L2, Regularizer
from cutedl_xp.training.pace import Pace
from optimizer_table import AROUND, VARIANTS

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]
EVERY: dict[str, Callable[[], Optimizer]] = {
    **{variant.kind.__name__: variant.make for variant in VARIANTS},
    **AROUND,
    "Accumulate of ClipByNorm": lambda: Accumulate(ClipByNorm(Adam(0.1), 0.01), 3),
    "SkipNonFinite of ClipByNorm": lambda: SkipNonFinite(ClipByNorm(Momentum(0.1), 0.01)),
}
LAYERS = (Dense(6, input_dim=2), Dense(5, activation="tanh"), Dropout(0.7), Dense(3, activation="linear"))
TOLERANCE = {"float32": 2e-4, "float64": 1e-11}


@pytest.fixture(autouse=True)
def _in_chunks(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run chunks on every backend: backends without compilation run the default of ``run_steps``."""
    monkeypatch.setattr(type(backend), "compiles_steps", True)
    for name in ("why_not_compiled", "why_not_by_default"):
        monkeypatch.setattr(type(backend), name, lambda self: None)


@pytest.fixture
def train(clusters: Clusters) -> Dataset:
    """Return a data set with four batches per epoch, the last one smaller."""
    return Dataset(*clusters, batch_size=40, seed=5)


@pytest.fixture
def compare(
    make_session: MakeSession, weights_of: Callable[[Session], dict[str, np.ndarray]], train: Dataset
) -> Callable[..., tuple[Session, Session]]:
    """Return a function that trains compiled and in the plain loop, compares, and returns both sessions."""

    def run(
        optimizer: Callable[[], Optimizer], *layers: Layer, dtype: str = "float32", fit: dict[str, Any], **options: Any
    ) -> tuple[Session, Session]:
        sessions = [make_session(*layers, optimizer=optimizer(), dtype=dtype, **options) for _ in range(2)]
        for session, compiled in zip(sessions, (True, False), strict=True):
            session.fit(train, **{"epochs": 3} | copy.deepcopy(fit), compiled=compiled)
            assert bool(session.compiled) is compiled
        found, wanted = map(weights_of, sessions)
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        records = [session.history for session in sessions]
        assert records[0] is not None
        assert records[1] is not None
        assert records[0].steps == records[1].steps
        np.testing.assert_allclose(records[0].loss, records[1].loss, rtol=10 * TOLERANCE[dtype])
        assert str(records[0].lr) == str(records[1].lr)
        assert (sessions[0].epoch, sessions[0].step) == (sessions[1].epoch, sessions[1].step)
        return sessions[0], sessions[1]

    return run


def counters(state: Any) -> Any:
    """Return the integers of a state."""
    found = {
        key: counters(child) if isinstance(child, dict) else child
        for key, child in state.items()
        if isinstance(child, (int, dict))
    }
    return {key: child for key, child in found.items() if isinstance(child, int) or child}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_every_optimizer_trains_as_in_the_plain_loop(make: Callable[[], Optimizer], compare: Any) -> None:
    compiled, plain = compare(make, *LAYERS, dtype="float64", fit={})
    assert counters(compiled.optimizer.state) == counters(plain.optimizer.state)
    assert all(type(number) is int for number in _numbers(counters(compiled.optimizer.state)))
    assert compiled.state_dict()["layers"] == plain.state_dict()["layers"]


def _numbers(tree: Any) -> list[Any]:
    return [number for child in tree.values() for number in (_numbers(child) if isinstance(child, dict) else [child])]


def test_normalized_layers_train_as_in_the_plain_loop(compare: Any, train: Dataset) -> None:
    layers = BatchNormalization(input_dim=2), Dense(6), LayerNormalization(), Dropout(0.7), BatchNormalization()
    fit = {"val_data": train, "val_steps": 3}
    compiled, plain = compare(lambda: Adam(0.05), *layers, Dense(3, activation="linear"), dtype="float64", fit=fit)
    found, wanted = (session.model.weights() for session in (compiled, plain))
    for buffer in plain.model.buffers:
        np.testing.assert_allclose(found[buffer.name], wanted[buffer.name], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(compiled.history.val_loss, plain.history.val_loss, rtol=1e-10)
    start = compiled.model.assemble(compiled.backend, "float64").weights()
    assert all((wanted[buffer.name] != start[buffer.name]).all() for buffer in plain.model.buffers)


def test_everything_together(compare: Any, train: Dataset) -> None:
    def make() -> Optimizer:
        groups = Groups(
            {"*/bias": Fixed(schedules.Step(0.1, every=3)), "*": Momentum(schedules.Cosine(0.1, updates=9))}
        )
        return AverageWeights(ClipByGlobalNorm(Accumulate(SkipNonFinite(groups), 3), 0.5), 0.9)

    fit = {"epochs": 4, "val_data": train, "val_steps": 3}
    compiled, plain = compare(make, *LAYERS, dtype="float64", fit=fit, regularizers=[L2(0.01)], metrics=[accuracy])
    assert compiled.history is not None
    assert plain.history is not None
    np.testing.assert_allclose(compiled.history.val_loss, plain.history.val_loss, rtol=10 * TOLERANCE["float64"])
    assert compiled.history.val_accuracy == plain.history.val_accuracy


def test_gradients_are_those_of_the_last_step(compare: Any, to_numpy: Callable[[Any], np.ndarray]) -> None:
    compiled, plain = compare(lambda: Adam(0.01), *LAYERS, dtype="float64", fit={})
    for found, wanted in zip(compiled.model.parameters, plain.model.parameters, strict=True):
        np.testing.assert_allclose(to_numpy(found.gradient), to_numpy(wanted.gradient), rtol=1e-9, atol=1e-12)


def test_results_do_not_depend_on_the_lengths_of_chunks(
    make_session: MakeSession, weights_of: Callable[[Session], dict[str, np.ndarray]], train: Dataset
) -> None:
    found = []
    for fits, listeners in (([4], []), ([1, 1, 2], []), ([4], [FitListener("step_end", callback=lambda event: None)])):
        session = make_session(*LAYERS)
        for epochs in fits:
            session.fit(train, epochs, listeners=listeners)
        found.append(weights_of(session))
    for weights in found[1:]:
        for name, array in weights.items():
            np.testing.assert_array_equal(array, found[0][name])


def test_a_listener_that_stops_at_a_step_stops_there(make_session: MakeSession, train: Dataset) -> None:
    steps = []

    def stop(event: Event) -> None:
        steps.append((event.step, event.session.optimizer.state["t"]))
        if event.step == 7:
            event.stop("seven")

    session = make_session()
    history = session.fit(train, 5, listeners=[FitListener("step_end", callback=stop)])
    assert steps == [(step, step) for step in range(1, 8)]
    assert (session.step, session.epoch, history.stop_reason) == (7, 1, "seven")
    session.fit(train, 1)
    assert (session.step, session.epoch) == (8, 2)


@pytest.mark.parametrize("wrap", [lambda rule: rule, lambda rule: Accumulate(rule, 3)], ids=["alone", "Accumulate"])
def test_a_schedule_that_raises_raises_after_the_updates_before(
    make_session: MakeSession, train: Dataset, wrap: Callable[[Optimizer], Optimizer]
) -> None:
    def rate(update: int) -> float:
        if update == 2:
            raise LookupError("of the schedule")
        return 0.1

    def train_until_it_raises(compiled: bool) -> Session:
        session = make_session(*LAYERS, optimizer=wrap(Fixed(rate)))
        with pytest.raises(LookupError, match="of the schedule"):
            session.fit(train, 5, compiled=compiled)
        return session

    compiled, plain = train_until_it_raises(True), train_until_it_raises(False)
    assert compiled.step == plain.step
    assert counters(compiled.optimizer.state) == counters(plain.optimizer.state)
    assert compiled.state_dict()["layers"] == plain.state_dict()["layers"]


def test_updates_that_are_skipped_do_not_count(
    make_session: MakeSession, clusters: Clusters, weights_of: Callable[[Session], dict[str, np.ndarray]]
) -> None:
    samples, classes = clusters[0].astype("float32"), clusters[1]
    samples = samples.copy()
    samples[[41, 90]] = np.nan  # in the second and the third batch of five
    data = Dataset(samples, classes, batch_size=30, shuffle=False)
    found = []
    for compiled in (True, False):
        session = make_session(optimizer=SkipNonFinite(Momentum(schedules.Exponential(0.1, every=1, factor=0.5))))
        history = session.fit(data, 1, compiled=compiled)
        assert (history.stopped_by, history.skipped) == ("epochs", [2])
        found.append((counters(session.optimizer.state), weights_of(session), session.optimizer.learning_rates()))
    assert found[0][0] == found[1][0] == {"optimizer": {"t": 3}, "skipped": 2}
    assert found[0][2] == found[1][2]
    for name, array in found[1][1].items():
        np.testing.assert_allclose(found[0][1][name], array, rtol=1e-5, atol=1e-6)


def test_listeners_may_change_the_training_between_chunks(compare: Any, train: Dataset) -> None:
    listeners = [ReduceOnPlateau(factor=0.5, patience=1, monitor="loss"), EarlyStopping(monitor="loss", patience=50)]
    compiled, plain = compare(lambda: RMSProp(0.05), fit={"epochs": 8, "listeners": listeners})
    assert compiled.optimizer.lr == plain.optimizer.lr


def test_options_that_change_between_two_fits_are_used(compare: Any, make_session: MakeSession, train: Dataset) -> None:
    def after(compiled: bool) -> float:
        session = make_session(optimizer=ClipByGlobalNorm(Fixed(1.0), 1e-3))
        session.fit(train, 1, compiled=compiled)
        session.optimizer.limit = 10.0  # type: ignore[attr-defined]
        return session.fit(train, 2, compiled=compiled).loss[-1]

    assert after(True) == pytest.approx(after(False), rel=1e-4)


def test_options_of_layers_that_change_between_two_fits_are_used(make_session: MakeSession, train: Dataset) -> None:
    def after(compiled: bool) -> float:
        session = make_session(*LAYERS)
        session.fit(train, 1, val_data=train, compiled=compiled)
        session.model.layers[2].keep_prob = 0.3  # type: ignore[attr-defined]
        return session.fit(train, 2, val_data=train, compiled=compiled).loss[-1]

    assert after(True) == pytest.approx(after(False), rel=1e-4)


class ShareAbove:
    """A user's metric with an option."""

    __name__ = "share_above"

    def __init__(self) -> None:
        self.limit = -100.0

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        xp = backend_of(y_pred).xp
        return xp.mean(xp.astype(y_pred > self.limit, y_pred.dtype))


def test_options_of_a_metric_that_change_are_used(make_session: MakeSession, train: Dataset) -> None:
    metric = ShareAbove()
    session = make_session(metrics=[metric])
    assert session.evaluate(train)["share_above"] == 1.0
    metric.limit = 100.0
    assert session.evaluate(train)["share_above"] == 0.0


def test_a_rule_that_is_not_a_function_of_a_module_trains_in_the_plain_loop(
    make_session: MakeSession, train: Dataset
) -> None:
    class Halved(Fixed):
        compilable = True

        @property
        def rule(self) -> Any:
            return lambda xp, w, g, lr: (w - lr * g * 0.5,)

    session = make_session(optimizer=Halved(0.1))
    session.fit(train, 1)
    assert session.compiled.reason == "the rule of Halved is not a function at the top of a module"


def test_a_metric_of_the_host_is_computed_in_the_plain_loop(make_session: MakeSession, train: Dataset) -> None:
    def half(y_true: Any, y_pred: Any) -> float:
        return 0.5

    session = make_session(metrics=[half])
    assert session.evaluate(train)["half"] == 0.5
    assert session.fit(train, 1, val_data=train, compiled=True).val_half == [0.5]
    assert session.compiled


def test_arrays_that_were_handed_out_stay_valid(
    backend: Backend, make_session: MakeSession, train: Dataset, to_numpy: Callable[[Any], np.ndarray]
) -> None:
    session, kept = make_session(optimizer=Adam(0.1)), []
    keep = FitListener(
        "epoch_end",
        callback=lambda event: kept.append((session.model.parameters[0].value, session.optimizer.state["v"])),
    )
    session.fit(train, 3, listeners=[keep])
    for value, slot in kept:
        assert np.isfinite(to_numpy(value)).all()
        assert all(np.isfinite(to_numpy(each)).all() for each in slot.values())
    if not backend.has_views:
        assert len({to_numpy(value).tobytes() for value, _ in kept}) == 3


class Halves(Layer):
    """A user's layer, which counts its calls."""

    calls = 0

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, training: bool) -> Any:
        type(self).calls += 1
        return x * 0.5, lambda gradient, input_gradient=True: gradient * 0.5

    def config(self) -> dict[str, Any]:
        return {}


class CompilableHalves(Halves):
    compilable = True


def test_a_users_layer_trains_in_the_plain_loop(make_session: MakeSession, train: Dataset) -> None:
    session = make_session(Dense(3, input_dim=2), Halves(), Dense(3, activation="linear"))
    Halves.calls = 0
    session.fit(train, 2)
    assert not session.compiled
    assert session.compiled.reason == "the class Halves does not say `compilable = True`"
    assert Halves.calls == 8
    with pytest.raises(ValueError, match=r"`compiled` is True, but the class Halves does not .*; leave `compiled` out"):
        session.fit(train, 1, compiled=True)
    assert session.step == 8


def test_a_users_layer_can_be_compiled(compare: Any) -> None:
    compare(lambda: Adam(0.01), Dense(3, input_dim=2), CompilableHalves(), Dense(3, activation="linear"), fit={})


class Peeking(Regularizer):
    """A penalty that reads values, which cannot be compiled."""

    def penalty_gradient(self, w: Any) -> Any:
        return w * min(float(backend_of(w).to_numpy(w).max()), 0.1)


def test_a_penalty_that_cannot_be_compiled_trains_in_the_plain_loop(
    backend: Backend, make_session: MakeSession, weights_of: Callable[[Session], dict[str, np.ndarray]], train: Dataset
) -> None:
    events: list[list[Any]] = []
    sessions = []
    for compiled in (None, False):
        heard: list[Any] = []
        listener = FitListener("step_end", "val_end", callback=lambda event, heard=heard: heard.append(event.step))
        session = make_session(*LAYERS, regularizers=[Peeking(0.1)])
        session.fit(train, 2, val_data=train, val_steps=3, listeners=[listener], compiled=compiled)
        session.fit(train, 1, val_data=train, val_steps=2, compiled=compiled)
        events.append(heard)
        sessions.append(session)
    assert events[0] == events[1]
    assert bool(sessions[0].compiled) is (
        backend.name not in ("jax", "cupy")
    )  # other backends can read values at any time
    for name, array in weights_of(sessions[1]).items():
        np.testing.assert_allclose(weights_of(sessions[0])[name], array, rtol=1e-4, atol=1e-5)


def test_an_interrupt_between_chunks_keeps_the_random_streams(
    make_session: MakeSession, train: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, other = make_session(*LAYERS), make_session(*LAYERS)
    before = session.state_dict()["layers"]

    def interrupt(self: Pace) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as changed:
        changed.setattr(Pace, "before_chunk", interrupt)
        with pytest.raises(KeyboardInterrupt):
            session.fit(train, 1, compiled=True)
    assert session.step == 0
    assert session.state_dict()["layers"] == before
    assert session.fit(train, 1).loss == other.fit(train, 1).loss


@pytest.fixture
def _pythons_own_handler() -> Iterator[None]:
    """Set the signal handlers of a program started in a terminal."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("_pythons_own_handler")
def test_another_interrupt_waits_for_the_chunk(
    backend: Backend, make_session: MakeSession, train: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = type(backend).run_steps
    calls = []

    def interrupted(self: Backend, *arguments: Any) -> Any:
        result = original(self, *arguments)
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(type(backend), "run_steps", interrupted)
    session = make_session(*LAYERS)
    with pytest.raises(KeyboardInterrupt):
        session.fit(train, 3, compiled=True)
    assert session.step == session.optimizer.state["t"] == 2
    assert all(np.isfinite(array).all() for array in session.model.weights().values())


@pytest.mark.views
def test_an_assigned_state_stays_in_its_memory(make_session: MakeSession, train: Dataset) -> None:
    session = make_session(optimizer=Adam(0.1))
    session.fit(train, 1)
    optimizer = session.optimizer
    slots = [run for name in ("v", "s") for run in optimizer.kept_state()[name].runs]
    optimizer.state = optimizer.state | {"t": 1}
    assert all(a is b for a, b in zip(slots, [optimizer.kept_state()[k].runs[0] for k in ("v", "s")], strict=True))
    assert optimizer.state["t"] == 1


def test_an_optimizer_can_be_exchanged(compare: Any, make_session: MakeSession, train: Dataset) -> None:
    def after(compiled: bool) -> float:
        session = make_session()
        session.fit(train, 1, compiled=compiled)
        session.optimizer = Accumulate(Momentum(0.1), 2)
        return session.fit(train, 3, compiled=compiled).loss[-1]

    assert after(True) == pytest.approx(after(False), rel=1e-4)


def test_a_layer_may_be_changed_by_a_listener(make_session: MakeSession, train: Dataset) -> None:
    def after(compiled: bool) -> list[float]:
        session = make_session(*LAYERS)

        def keep_more(event: Event) -> None:
            session.model.layers[2].keep_prob = 0.95  # type: ignore[attr-defined]

        return session.fit(train, 3, listeners=[FitListener("epoch_end", callback=keep_more)], compiled=compiled).loss

    assert after(True) == pytest.approx(after(False), rel=1e-4)


def test_an_error_of_a_layer_reaches_the_user(make_session: MakeSession, train: Dataset) -> None:
    class Fails(Halves):
        compilable = True

        def forward(self, x: Any, training: bool) -> Any:
            raise LookupError("of the layer")

    session = make_session(Dense(3, input_dim=2), Dropout(0.5), Fails())
    before = session.state_dict()["layers"]
    with pytest.raises(LookupError, match="of the layer"):
        session.fit(train, 1)
    assert session.step == 0
    assert session.state_dict()["layers"] == before


@pytest.mark.parametrize("wanted", ["yes", 1, 0])
def test_the_argument_must_be_a_boolean(make_session: MakeSession, train: Dataset, wanted: Any) -> None:
    with pytest.raises(TypeError, match="`compiled` must be"):
        make_session().fit(train, 1, compiled=wanted)


def test_a_users_penalty(compare: Any) -> None:
    class Pull(Regularizer):
        def penalty_gradient(self, w: Any) -> Any:
            return (w - 1.0) * self.damping

    compare(lambda: Adam(0.01), *LAYERS, fit={}, regularizers=[Pull(0.1)])


def test_programs_are_released_with_the_session(make_session: MakeSession, train: Dataset) -> None:
    session = make_session(*LAYERS)
    session.fit(train, 2)
    released = weakref.ref(session.model)
    del session
    gc.collect()
    assert released() is None


def test_a_copy_of_a_session_trains_its_own_model(
    make_session: MakeSession, weights_of: Callable[[Session], dict[str, np.ndarray]], train: Dataset
) -> None:
    session = make_session(*LAYERS)
    session.fit(train, 1)
    other, before = copy.deepcopy(session), weights_of(session)
    other.fit(train, 1)
    for name, array in weights_of(session).items():
        np.testing.assert_array_equal(array, before[name])
    session.fit(train, 1)
    for name, array in weights_of(session).items():
        np.testing.assert_array_equal(array, weights_of(other)[name])


def test_labels_of_several_axes(backend: Backend, make_session: MakeSession) -> None:
    random = np.random.default_rng(0)
    data = Dataset(
        random.random((20, 3, 2)).astype("float32"), random.random((20, 3, 4)).astype("float32"), batch_size=8
    )
    session = make_session(Dense(4, input_dim=2, activation="relu"), loss=Mse())
    first = session.fit(data, 1, val_data=data, compiled=True).loss[-1]
    assert session.fit(data, 20, val_data=data, compiled=True).loss[-1] < first
