"""Files of sessions."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace

from cutedl_xp import Backend, Dataset, Model, Session
from cutedl_xp.files import arrays as files
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.metrics import accuracy
from cutedl_xp.optimizers import Adam, Fixed, Momentum
from cutedl_xp.regularizers import L1

X = np.linspace(-1.0, 1.0, 24).reshape(12, 2)
TRAIN = Dataset(X, X[:, :1], batch_size=4)


class Doubled(Dense):
    """A user's layer."""

    def forward(self, x: Any, training: bool) -> Any:
        return super().forward(x * 2.0, training)


class Weighted(Mse):
    """A user's loss with an option."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_gradient(backend, y_true, y_pred)
        return value * self.factor, gradient * self.factor


def falling(update: int) -> float:
    return 0.1 / (1 + update)


def largest_error(y_true: Any, y_pred: Any) -> Any:
    xp = array_namespace(y_pred)
    return xp.max(xp.abs(y_true - y_pred))


@pytest.fixture
def own_session(backend: Backend) -> Session:
    """Return a session with a user's classes for all parts."""
    model = Model([Doubled(1, input_dim=2, activation="linear")]).assemble(backend, seed=1)
    return Session(model, Weighted(3.0), Momentum(lr=falling), [L1(0.01, pattern="*")], [largest_error])


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    """Return a session that has not trained."""
    return make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse(), optimizer=Adam(0.01))


@pytest.fixture
def saved(session: Session, tmp_path: Path) -> Path:
    """Return the file of a trained session."""
    session.fit(TRAIN, 2)
    session.save(tmp_path / "s.ckpt")
    return tmp_path / "s.ckpt"


def test_the_parts_come_back(backend: Backend, make_session: Callable[..., Session], tmp_path: Path) -> None:
    layers = [Dense(3, input_dim=2, activation="tanh"), Dense(2, activation="linear")]
    session = make_session(*layers, optimizer=Momentum(0.5, nesterov=True), metrics=[accuracy], regularizers=[L1(0.1)])
    session.save(tmp_path / "a name with blanks, and no suffix")
    loaded = Session.load(tmp_path / "a name with blanks, and no suffix", backend)
    assert loaded.backend is backend
    assert repr(loaded.model) == repr(session.model)
    assert repr(loaded.optimizer) == repr(session.optimizer)
    assert repr(loaded.loss) == repr(session.loss)
    assert (loaded.metrics, loaded.regularizers) == ((accuracy,), (L1(0.1),))
    assert loaded.history is None
    np.testing.assert_equal(loaded.model.weights(), session.model.weights())


def test_the_history_comes_back(backend: Backend, saved: Path) -> None:
    loaded = Session.load(saved, backend)
    assert loaded.history is not None
    assert (loaded.epoch, loaded.step, loaded.history.steps) == (2, 6, [3, 6])
    assert loaded.history.stopped_by == "epochs"


def test_a_loaded_state_is_not_of_the_fit_before(backend: Backend, saved: Path) -> None:
    loaded = Session.load(saved, backend)
    loaded.load_state_dict(loaded.state_dict())
    with pytest.raises(RuntimeError, match="no fit to resume"):
        loaded.resume(TRAIN)


def test_own_parts_are_passed(own_session: Session, backend: Backend, tmp_path: Path) -> None:
    own_session.save(tmp_path / "s")
    with pytest.raises(ValueError, match=r"s does not hold a session .* the class 'Doubled' is not .* in `custom`"):
        Session.load(tmp_path / "s", backend)
    loaded = Session.load(tmp_path / "s", backend, custom=[Doubled, Weighted, falling, largest_error])
    assert loaded.evaluate(TRAIN) == own_session.evaluate(TRAIN)
    first, second = own_session.fit(TRAIN, 2, val_data=TRAIN), loaded.fit(TRAIN, 2, val_data=TRAIN)
    assert first.to_dict() | {"cost_time": []} == second.to_dict() | {"cost_time": []}


def test_objects_that_cannot_be_described_are_refused_when_saving(
    make_session: Callable[..., Session], tmp_path: Path
) -> None:
    path = tmp_path / "s"
    path.write_bytes(b"before")
    session = make_session(optimizer=Fixed(lr=lambda update: 0.1))
    with pytest.raises(TypeError, match=r"`optimizer\.lr` is .*<lambda>.* one of cutedl_xp\.schedules"):
        session.save(path)
    assert path.read_bytes() == b"before"


def test_the_file_of_a_model_is_refused_with_the_remedy(saved: Path, backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Session\.load"):
        Model.load(saved, backend)
    Model([Dense(1, input_dim=2)]).assemble("numpy").save(tmp_path / "m")
    with pytest.raises(ValueError, match=r"m does not hold a session .* load it with Model\.load"):
        Session.load(tmp_path / "m", backend)


def changed(path: Path, **entries: Any) -> Path:
    """Write a file again with other entries in its header, and return its path."""
    arrays, header = files.read(path)
    files.write(path, arrays, header | entries)
    return path


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"format": 99}, "format 99, .* reads formats up to 2; update cutedl_xp"),
        ({"kind": "other"}, "it has format 2, kind 'other', not format 2, kind 'session'"),
        ({"format": 1}, "it has format 1, kind 'session', not format 2"),
        ({"dtype": "int8"}, "`dtype` must be one of"),
        ({"layers": []}, "`layers` is empty"),
        ({"layers": 5}, "`layers` must be"),
        ({"layers": [{"$class": "Mse", "options": {}}]}, "`layers` must be layers"),
        ({"layers": [{"$class": "Dense", "options": {"units": 10**15, "input_dim": 2}}]}, "the array .* should be"),
        ({"optimizer": {"$class": "Mse", "options": {}}}, "`optimizer` must be an Optimizer"),
        ({"optimizer": None}, "`optimizer` must be an Optimizer"),
        ({"loss": {"$class": "Adam", "options": {}}}, "`loss` must be a Loss"),
        ({"metrics": ["accuracy"]}, "`metrics` must be objects"),
        ({"regularizers": None}, "`regularizers` must be"),
        ({"state": None}, "not subscriptable"),
        ({"state": {}}, "it lacks 'parameters'"),
        ({"fit": {}}, "it lacks 'last_epoch'"),
        ({"fit": 7}, "does not hold a session"),
    ],
)
def test_a_header_that_makes_no_session_is_refused(
    saved: Path, backend: Backend, entries: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Session.load(changed(saved, **entries), backend)
    assert str(saved) in str(caught.value)


@pytest.mark.parametrize("key", ["layers", "loss", "optimizer", "metrics", "regularizers", "state", "fit", "dtype"])
def test_a_header_that_lacks_an_entry_is_refused(saved: Path, backend: Backend, key: str) -> None:
    arrays, header = files.read(saved)
    del header[key]
    files.write(saved, arrays, header)
    with pytest.raises(ValueError, match=f"it lacks '{key}'"):
        Session.load(saved, backend)


def test_arrays_of_another_shape_are_refused(saved: Path, backend: Backend) -> None:
    arrays, header = files.read(saved)
    name = next(name for name in arrays if name.endswith("weight") and "parameters" in name)
    files.write(saved, arrays | {name: arrays[name][:1]}, header)
    with pytest.raises(ValueError, match="the array '/1-Dense/weight' should be"):
        Session.load(saved, backend)


def test_a_session_of_float64_keeps_its_digits(backend: Backend, tmp_path: Path) -> None:
    model = Model([Dense(1, input_dim=2, activation="relu")]).assemble(backend, "float64", seed=1)
    session = Session(model, loss=Mse(), optimizer=Adam())
    session.save(tmp_path / "s")
    for name, value in Session.load(tmp_path / "s", backend).model.weights().items():
        np.testing.assert_array_equal(value, model.weights()[name], strict=True)


def test_another_thread_cannot_save_a_running_training(session: Session, tmp_path: Path) -> None:
    errors: list[str] = []

    def save() -> None:
        with pytest.raises(RuntimeError, match=r"running in another thread; .* such as Checkpoint") as info:
            session.save(tmp_path / "s")
        errors.append(str(info.value))

    def save_elsewhere(event: Any) -> None:
        thread = threading.Thread(target=save)
        thread.start()
        thread.join()

    session.fit(TRAIN, 1, listeners=[FitListener("epoch_end", callback=save_elsewhere)])
    assert len(errors) == 1
    session.save(tmp_path / "s")
