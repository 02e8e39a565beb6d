"""Buffers of layers in trainings, listeners, checkpoints and backends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session, get_backend
from cutedl_xp.layers import BatchNormalization, Dense
from cutedl_xp.listeners import Checkpoint, EarlyStopping, FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Adam, Fixed, SkipNonFinite
from cutedl_xp.training.program import record_draws

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def new_session(make_session: MakeSession) -> MakeSession:
    """Return a function that makes a session of a model with batch normalization."""

    def make(**options: Any) -> Session:
        parts = BatchNormalization(input_dim=2), Dense(5, activation="tanh"), BatchNormalization(momentum=0.3)
        return make_session(*parts, Dense(3, activation="linear"), **options)

    return make


@pytest.fixture
def data(clusters: Clusters) -> Dataset:
    """Return a data set with four batches per epoch, the last one smaller."""
    return Dataset(*clusters, batch_size=40, seed=5)


def buffers_of(session: Session) -> dict[str, np.ndarray]:
    weights = session.model.weights()
    return {buffer.name: weights[buffer.name] for buffer in session.model.buffers}


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


def differ(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(not np.array_equal(array, other[name]) for name, array in one.items())


@pytest.mark.parametrize("compiled", [None, False])
def test_a_resumed_training_ends_with_the_same_bits(
    new_session: MakeSession, backend: Backend, data: Dataset, tmp_path: Path, compiled: bool | None
) -> None:
    path = tmp_path / "run.ckpt"
    session = new_session()
    save = FitListener("step_end", callback=lambda event: event.step == 6 and event.session.save(path))
    history = session.fit(data, 3, val_data=data, val_steps=3, listeners=[save], compiled=compiled)
    resumed = Session.load(path, backend)
    assert resumed.step == 6
    assert differ(buffers_of(resumed), buffers_of(session))
    again = resumed.resume(data, val_data=data)
    assert (again.loss, again.val_loss) == (history.loss, history.val_loss)
    assert_equal(resumed.model.weights(), session.model.weights())


def test_a_checkpoint_continues_on_another_backend(
    new_session: MakeSession, backend: Backend, data: Dataset, tmp_path: Path
) -> None:
    other = get_backend("array_api_strict" if backend.name == "numpy" else "numpy")
    session = new_session(dtype="float64")
    session.fit(data, 1)
    session.save(tmp_path / "run.ckpt")
    moved = Session.load(tmp_path / "run.ckpt", other)
    assert all(other.owns(array) for array in moved.model.buffers.values)
    assert_equal(moved.model.weights(), session.model.weights())
    for each in (session, moved):
        each.fit(data, 1)
    for name, array in moved.model.weights().items():
        np.testing.assert_allclose(array, session.model.weights()[name], rtol=1e-7, atol=1e-9)


def test_a_state_with_other_buffers_is_refused(new_session: MakeSession) -> None:
    session, state = new_session(), new_session().state_dict()
    name = "/1-BatchNormalization/running_mean"
    for wrong in (np.zeros(3, "float32"), np.zeros(2, "float64")):
        changed = state | {"parameters": state["parameters"] | {name: wrong}}
        with pytest.raises(ValueError, match=rf"d\['parameters'\]\['{name}'\] must have dtype float32 and shape"):
            session.load_state_dict(changed)
    del state["parameters"][name]
    with pytest.raises(ValueError, match="must have the keys"):
        session.load_state_dict(state)


def test_the_model_of_a_file_predicts_the_same(
    new_session: MakeSession, backend: Backend, data: Dataset, tmp_path: Path
) -> None:
    session = new_session()
    before = buffers_of(session)
    session.fit(data, 2)
    assert differ(buffers_of(session), before)
    session.model.save(tmp_path / "m")
    for other in (backend, get_backend("numpy")):
        again = Model.load(tmp_path / "m", other)
        assert_equal(again.weights(), session.model.weights())
    again = Model.load(tmp_path / "m", backend)
    found, wanted = (backend.to_numpy(model.predict(data)) for model in (again, session.model))
    np.testing.assert_array_equal(found, wanted)


def test_validations_and_evaluations_leave_them(new_session: MakeSession, data: Dataset) -> None:
    session, twin = new_session(), new_session()
    session.fit(data, 2, val_data=data, val_steps=1)
    twin.fit(data, 2)
    assert_equal(session.model.weights(), twin.model.weights())
    before = buffers_of(session)
    session.evaluate(data)
    assert_equal(buffers_of(session), before)


def test_a_validation_uses_the_running_statistics_of_its_moment(new_session: MakeSession, data: Dataset) -> None:
    session, found = new_session(), []
    read = FitListener("val_end", callback=lambda event: found.append(session.evaluate(data)["loss"]))
    history = session.fit(data, 3, val_data=data, listeners=[read])
    assert found == pytest.approx(history.val_loss, rel=1e-6)


def test_best_weights_include_them(new_session: MakeSession, backend: Backend, data: Dataset, tmp_path: Path) -> None:
    kept: dict[int, dict[str, np.ndarray]] = {}
    session = new_session(optimizer=Adam(2.0))  # a rate at which the loss rises soon
    keep = FitListener("val_end", callback=lambda event: kept.update({event.step: session.model.weights()}))
    best = Checkpoint(tmp_path / "run.ckpt", best="val_loss")
    stopping = EarlyStopping(patience=3, restore_best=True)
    history = session.fit(data, 40, val_data=data, listeners=[keep, stopping, best])
    assert history.stop_reason is not None
    first = history.steps[int(np.argmin(history.val_loss))]
    assert first < history.steps[-1]
    assert_equal(session.model.weights(), kept[first])
    assert_equal(Session.load(tmp_path / "run-best.ckpt", backend).model.weights(), kept[first])


class Failing(Mse):
    """A loss that fails on request."""

    compilable = True
    fails = False

    def value_and_gradient(self, backend: Backend, y_true: Any, y_pred: Any) -> Any:
        if self.fails:
            raise ArithmeticError("this loss fails")
        return super().value_and_gradient(backend, y_true, y_pred)


@pytest.mark.parametrize("in_chunks", [True, False])
def test_a_step_that_fails_leaves_them(
    make_session: MakeSession, backend: Backend, monkeypatch: pytest.MonkeyPatch, in_chunks: bool
) -> None:
    if in_chunks:  # backends without compilation then run the default of `run_steps`
        monkeypatch.setattr(type(backend), "compiles_steps", True)
        for name in ("why_not_compiled", "why_not_by_default"):
            monkeypatch.setattr(type(backend), name, lambda self: None)
    x = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")
    data, loss = Dataset(x, x[:, :1], batch_size=4), Failing()
    session = make_session(
        BatchNormalization(input_dim=2), Dense(1, activation="linear"), loss=loss, optimizer=Fixed(0.1)
    )
    session.fit(data, 1, compiled=None if in_chunks else False)
    assert bool(session.compiled) is in_chunks
    before = session.model.weights()
    loss.fails = True
    for _ in range(2):
        with pytest.raises(ArithmeticError, match="this loss fails"):
            session.fit(data, 1, compiled=None if in_chunks else False)
    assert_equal(session.model.weights(), before)
    assert session.step == 3


def test_recording_the_draws_of_a_step_leaves_them(new_session: MakeSession, data: Dataset) -> None:
    session = new_session()
    session.fit(data, 1)
    before, arrays = buffers_of(session), session.model.buffers.values
    record_draws(session.model, data, 7)
    assert_equal(buffers_of(session), before)
    assert all(one is other for one, other in zip(arrays, session.model.buffers.values, strict=True))


def test_a_sample_that_is_not_finite_ends_a_training_that_skips_updates(make_session: MakeSession) -> None:
    x = np.array([[1.0], [2.0], [np.nan], [3.0]], "float32")
    layers = BatchNormalization(input_dim=1), Dense(1, activation="linear")
    session = make_session(*layers, loss=Mse(), optimizer=SkipNonFinite(Fixed(0.01)))
    message = "the buffer '/1-BatchNormalization/running_mean' is not finite"
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match=message):
        history = session.fit(Dataset(x, np.ones((4, 1), "float32"), batch_size=2, shuffle=False), 5)
    assert (history.stopped_by, history.skipped) == ("not_finite", [1])


def test_statistics_that_overflow_end_the_training(make_session: MakeSession) -> None:
    x = np.array([[1e20], [-1e20], [1e20], [0.0]], "float32")
    session = make_session(
        BatchNormalization(input_dim=1), Dense(1, activation="linear"), loss=Mse(), optimizer=Fixed(0.01)
    )
    message = "the buffer '/1-BatchNormalization/running_variance' is not finite"
    with np.errstate(over="ignore"), pytest.warns(RuntimeWarning, match=message):
        history = session.fit(Dataset(x, np.ones((4, 1), "float32")), 5)
    assert history.stopped_by == "not_finite"
    assert len(history.steps) == 1
