"""Arguments of a session, and errors before any change of the model."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import array_api_compat
import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session, get_backend, losses, metrics, optimizers
from cutedl_xp.layers import Dense, Flatten, Layer
from cutedl_xp.listeners import EarlyStopping, Event, TargetReached
from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, Mse, SparseCategoricalCrossentropy
from cutedl_xp.optimizers import Adam, Fixed
from cutedl_xp.regularizers import L2

MakeSession = Callable[..., Session]
WeightsOf = Callable[[Session], dict[str, np.ndarray]]

X = np.random.default_rng(0).normal(size=(12, 2))
CLASSES = np.arange(12) % 3
ONE_HOT = np.eye(3)[CLASSES]
GOOD = Dataset(X, CLASSES, batch_size=5)
SPARSE, ONE_HOT_LOSS = SparseCategoricalCrossentropy(), CategoricalCrossentropy()


def on_two_outputs(y_true: Any, y_pred: Any) -> Any:
    """Fail, as a metric for other labels does."""
    return metrics.accuracy(y_true, y_pred[:, :, None])


def for_each_sample(y_true: Any, y_pred: Any) -> Any:
    """Return one value for each sample, which is invalid for a metric."""
    return y_pred[:, 0]


def test_a_session_begins_at_zero(make_session: MakeSession, backend: Backend) -> None:
    session = make_session(regularizers=[L2(0.1)], metrics=[metrics.accuracy])
    assert (session.epoch, session.step, session.history) == (0, 0, None)
    assert session.backend == backend
    assert session.regularizers == (L2(0.1),)
    assert session.metrics == (metrics.accuracy,)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("loss", losses.Mse),
        ("loss", "mse"),
        ("loss", None),
        ("optimizer", optimizers.Adam),
        ("optimizer", "adam"),
        ("optimizer", L2(0.1)),
        ("regularizers", [L2]),
        ("regularizers", [0.1]),
        ("regularizers", ["l2"]),
        ("metrics", ["accuracy"]),
        ("metrics", [None]),
        ("metrics", [metrics]),
    ],
)
def test_arguments_of_other_types_are_refused(make_session: MakeSession, argument: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"`{argument}` must be"):
        make_session(**{argument: value})


@pytest.mark.parametrize("value", [None, Dense(1, input_dim=1), [Dense(1, input_dim=1)], Model])
def test_a_model_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="`model` must be a Model; got"):
        Session(value, loss=Mse(), optimizer=Fixed())


def test_a_model_that_is_not_assembled_is_refused() -> None:
    model = Model([Dense(1, input_dim=1)])
    with pytest.raises(RuntimeError, match=r"not assembled yet; call model\.assemble"):
        Session(model, loss=Mse(), optimizer=Fixed())


DEFAULT = "the last layer '2-Dense' has the default activation, relu, and"
ANY_SIGN = (
    Mse(), losses.Huber(), losses.Hinge(), SPARSE, ONE_HOT_LOSS, BinaryCrossentropy(),
)  # fmt: skip


@pytest.mark.parametrize("loss", ANY_SIGN, ids=repr)
def test_the_default_activation_of_the_last_layer_is_warned_of_once(make_session: MakeSession, loss: Any) -> None:
    message = rf"^{DEFAULT} {re.escape(repr(loss))} takes outputs of any sign; give the layer activation=\"linear\", or"
    with pytest.warns(UserWarning, match=message) as caught:
        session = make_session(Dense(4, input_dim=2), Dense(3), loss=loss)
    assert len(caught) == 1
    assert caught[0].filename == make_session.__code__.co_filename  # the line that makes the session
    session.fit((X, ONE_HOT if loss is not SPARSE else CLASSES), 1)


def test_a_loaded_session_does_not_repeat_the_warning(make_session: MakeSession, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=DEFAULT):
        make_session(Dense(4, input_dim=2), Dense(3), loss=Mse()).save(tmp_path / "run.ckpt")
    assert Session.load(tmp_path / "run.ckpt").model.layers[-1].config()["activation"] is None


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("relu", SPARSE),
        ("relu", Mse()),
        ("linear", SPARSE),
        (None, SparseCategoricalCrossentropy(from_logits=False)),
        (None, lambda xp, y, p: (xp.mean(p), p)),
    ],
)
def test_an_activation_that_is_given_is_not_warned_of(make_session: MakeSession, activation: Any, loss: Any) -> None:
    make_session(Dense(4, input_dim=2), Dense(3, activation=activation), loss=loss)


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """A metric with the same name as another."""
    return metrics.accuracy(y_true, y_pred)


def loss(y_true: Any, y_pred: Any) -> Any:
    """A metric with the name of the loss."""
    return metrics.accuracy(y_true, y_pred)


@pytest.mark.parametrize("given", [[metrics.accuracy, accuracy], [loss]])
def test_metrics_of_one_name_are_refused(make_session: MakeSession, given: list[Any]) -> None:
    with pytest.raises(ValueError, match="`metrics` must have different names"):
        make_session(metrics=given)


REFUSED = {
    "train is an array": ({}, {"train": X}, TypeError, "`train` must be a Dataset"),
    "train is a list": ({}, {"train": [X, CLASSES]}, TypeError, "`train` must be a Dataset"),
    "train is None": ({}, {"train": None}, TypeError, "`train` must be a Dataset"),
    "samples too wide": ({}, {"train": Dataset(np.ones((9, 3)), CLASSES[:9])}, ValueError, "`train` does not fit: .*2"),
    "samples too flat": ({}, {"train": Dataset(X[:, 0], CLASSES)}, ValueError, "`train` does not fit"),
    "labels too wide": ({"loss": ONE_HOT_LOSS}, {"train": Dataset(X, np.eye(4)[CLASSES])}, ValueError, r"\(12, 3\)"),
    "one-hot for sparse": ({}, {"train": Dataset(X, ONE_HOT)}, TypeError, "use CategoricalCrossentropy"),
    "integer one-hot for sparse": ({}, {"train": Dataset(X, ONE_HOT.astype("int64"))}, ValueError, "without its class"),
    "class numbers for one-hot": ({"loss": ONE_HOT_LOSS}, {"train": GOOD}, ValueError, r"\(12, 3\); got \(12,\)"),
    "float classes": ({}, {"train": Dataset(X, CLASSES * 1.0)}, TypeError, "an integer dtype"),
    "class below 0": ({}, {"train": Dataset(X, CLASSES - 1)}, ValueError, "from 0 to 2; got .*from -1 to 1"),
    "class too large": ({}, {"train": Dataset(X, CLASSES + 1)}, ValueError, "from 0 to 2; got .*from 1 to 3"),
    "one class too large": ({}, {"train": Dataset(X, np.r_[CLASSES[:11], 3])}, ValueError, "got .*from 0 to 3"),
    "not in [0, 1]": ({"loss": BinaryCrossentropy()}, {"train": Dataset(X, ONE_HOT * 2)}, ValueError, "from 0 to 1"),
    "NaN labels": ({"loss": Mse()}, {"train": Dataset(X, ONE_HOT * np.nan)}, ValueError, "from nan to nan"),
    "epochs 0": ({}, {"epochs": 0}, ValueError, "`epochs` must be 1 or greater; got 0"),
    "epochs negative": ({}, {"epochs": -2}, ValueError, "`epochs` must be 1 or greater; got -2"),
    "epochs bool": ({}, {"epochs": True}, TypeError, "`epochs` must be an integer; got True"),
    "epochs float": ({}, {"epochs": 2.0}, TypeError, "`epochs` must be an integer; got 2.0"),
    "epochs None": ({}, {"epochs": None}, TypeError, "`epochs` must be an integer; got None"),
    "val_epochs 0": ({}, {"val_epochs": 0}, ValueError, "`val_epochs` must be 1 or greater"),
    "val_epochs float": ({}, {"val_epochs": 1.0}, TypeError, "`val_epochs` must be an integer"),
    "val_steps negative": ({}, {"val_steps": -1}, ValueError, "`val_steps` must be 0 or greater"),
    "val_steps bool": ({}, {"val_steps": False}, TypeError, "`val_steps` must be an integer"),
    "val_batches negative": ({}, {"val_batches": -1}, ValueError, "`val_batches` must be 0 or greater"),
    "val_batches text": ({}, {"val_batches": "all"}, TypeError, "`val_batches` must be an integer"),
    "val_data is an array": ({}, {"val_data": X}, TypeError, "`val_data` must be a Dataset"),
    "val_data too wide": ({}, {"val_data": Dataset(np.ones((9, 3)), CLASSES[:9])}, ValueError, "`val_data` does not"),
    "val_data of other labels": ({}, {"val_data": Dataset(X, CLASSES + 1)}, ValueError, "`val_data` does not fit"),
    "metric for other outputs": (
        {"metrics": [on_two_outputs]},
        {"val_data": GOOD},
        ValueError,
        "accuracy needs `y_p",
    ),
    "metric without a mean": ({"metrics": [for_each_sample]}, {"val_data": GOOD}, ValueError, "for_each_sample"),
    "listener not callable": ({}, {"listeners": [3]}, TypeError, "`listeners` must be callables .*; got 3"),
    "listener a class": ({}, {"listeners": [EarlyStopping]}, TypeError, "`listeners` must be callables"),
}


def everything_in(session: Session, weights_of: WeightsOf) -> dict[str, Any]:
    """Return copies of everything that a training changes."""
    state = session.optimizer.state
    arrays = {f"state {slot} {name}": array for slot in ("v", "s") for name, array in state[slot].items()}
    arrays |= {f"gradient {p.name}": p.gradient for p in session.model.parameters}
    copies: dict[str, Any] = {name: np.array(session.backend.to_numpy(array)) for name, array in arrays.items()}
    return copies | weights_of(session) | {"counts": np.array([state["t"], session.epoch, session.step])}


@pytest.mark.parametrize(("options", "arguments", "error", "match"), REFUSED.values(), ids=REFUSED.keys())
def test_values_that_do_not_fit_are_refused_and_nothing_has_changed(
    make_session: MakeSession,
    weights_of: WeightsOf,
    options: dict[str, Any],
    arguments: dict[str, Any],
    error: type[Exception],
    match: str,
) -> None:
    session = make_session(**options)
    good = GOOD if session.loss == SPARSE else Dataset(X, ONE_HOT)
    session.fit(good, epochs=2, train_metrics=False)
    before, history, told = everything_in(session, weights_of), session.history, []
    arguments = {"train": good, "epochs": 1} | arguments
    arguments["listeners"] = [told.append, *arguments.get("listeners", ())]
    with pytest.raises(error, match=match):
        session.fit(**arguments)
    assert told == []
    assert session.history is history
    for name, value in everything_in(session, weights_of).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_an_optimizer_of_another_model_is_refused_before_the_first_event(make_session: MakeSession) -> None:
    first, second, told = make_session(), make_session(), []
    first.fit(GOOD, epochs=1)
    second.optimizer = first.optimizer
    with pytest.raises(ValueError, match="keeps the state of other parameters"):
        second.fit(GOOD, epochs=1, listeners=[told.append])
    assert told == []
    assert second.history is None


@pytest.mark.parametrize("argument", ["regularizers", "metrics"])
def test_one_instead_of_a_sequence_is_refused(make_session: MakeSession, argument: str) -> None:
    one = {"regularizers": L2(0.1), "metrics": metrics.accuracy}[argument]
    with pytest.raises(TypeError, match=f"`{argument}` must be a list or tuple; got "):
        make_session(**{argument: one})


def test_one_listener_instead_of_a_sequence_is_refused(make_session: MakeSession) -> None:
    session = make_session()
    with pytest.raises(TypeError, match="`listeners` must be a list or tuple; got EarlyStopping"):
        session.fit(GOOD, epochs=1, listeners=EarlyStopping())
    assert session.step == 0


@pytest.mark.parametrize("argument", ["train", "val_data"])
def test_arrays_of_another_backend_are_refused(make_session: MakeSession, backend: Backend, argument: str) -> None:
    other = get_backend("array_api_strict" if backend.name == "numpy" else "array_api_strict:device2")
    session = make_session()
    elsewhere = Dataset(other.asarray(X), other.asarray(CLASSES))
    with pytest.raises(TypeError, match=f"`{argument}` does not fit: .*array_api_strict array"):
        session.fit(**{"train": GOOD, "epochs": 1, argument: elsewhere})
    assert session.step == 0


def test_arrays_of_the_backend_are_taken(make_session: MakeSession, backend: Backend) -> None:
    moved, host = make_session(), make_session()
    moved.fit(Dataset(backend.asarray(X), backend.asarray(CLASSES), batch_size=5), epochs=2)
    host.fit(GOOD, epochs=2)
    assert moved.evaluate(GOOD) == host.evaluate(GOOD)


@pytest.mark.parametrize(
    ("listener", "arguments"),
    [
        (EarlyStopping("val_loss"), {}),
        (EarlyStopping("val_accuracy", mode="max"), {"val_data": GOOD}),
        (TargetReached("val_accuracy"), {"val_data": GOOD}),
        (TargetReached("accuracy"), {"val_data": GOOD}),
    ],
)
def test_a_monitor_that_is_not_recorded_is_refused_before_the_first_step(
    make_session: MakeSession, weights_of: WeightsOf, listener: Callable[[Event], None], arguments: dict[str, Any]
) -> None:
    session = make_session()
    before = weights_of(session)
    with pytest.raises(ValueError, match=r"is not recorded here, only 'loss'.*val_data and Session its metrics"):
        session.fit(GOOD, epochs=1, listeners=[listener], **arguments)
    assert session.step == session.epoch == 0
    for name, value in weights_of(session).items():
        np.testing.assert_array_equal(value, before[name])


def test_an_optimizer_of_another_model_is_refused(make_session: MakeSession, weights_of: WeightsOf) -> None:
    used = Adam(0.1)
    make_session(optimizer=used).fit(GOOD, epochs=1)
    session = make_session(optimizer=used)
    before = everything_in(session, weights_of)
    with pytest.raises(ValueError, match="make a new optimizer for each model"):
        session.fit(GOOD, epochs=1)
    for name, value in weights_of(session).items():
        np.testing.assert_array_equal(value, before[name])
    assert used.state["t"] == before["counts"][0]
    assert session.step == 0


@pytest.mark.parametrize("loss", [Mse(), BinaryCrossentropy(), ONE_HOT_LOSS], ids=repr)
@pytest.mark.parametrize("labels_dtype", ["int64", "uint8"])
def test_integer_labels_train_as_the_same_numbers_in_the_models_dtype(
    make_session: MakeSession, dtype: str, loss: losses.Loss, labels_dtype: str
) -> None:
    whole, real = make_session(loss=loss, dtype=dtype), make_session(loss=loss, dtype=dtype)
    whole.fit(Dataset(X, ONE_HOT.astype(labels_dtype)), epochs=2)
    real.fit(Dataset(X, ONE_HOT.astype(dtype)), epochs=2)
    assert whole.history is not None
    assert real.history is not None
    assert whole.history.loss == real.history.loss


def test_loss_metrics_and_backend_are_those_of_the_constructor(make_session: MakeSession, backend: Backend) -> None:
    session = make_session(metrics=[metrics.accuracy])
    assert session.backend == backend
    assert session.metrics == (metrics.accuracy,)
    for name in ("loss", "metrics", "backend"):
        with pytest.raises(AttributeError):
            setattr(session, name, None)


def test_an_error_of_a_listener_is_noted_in_the_history(make_session: MakeSession) -> None:
    def broken(event: Any) -> None:
        raise ZeroDivisionError

    session = make_session()
    with pytest.raises(ZeroDivisionError):
        session.fit(GOOD, 1, listeners=[broken])
    assert session.history is not None
    assert session.history.stop_reason == "ZeroDivisionError was raised"


def test_data_of_a_width_that_a_later_layer_does_not_take_are_refused_before_the_first_step(
    make_session: MakeSession,
) -> None:
    events: list[Any] = []
    session = make_session(Dense(3, input_dim=2), Flatten(), Dense(3, activation="linear"))
    with pytest.raises(ValueError, match=r"`train` does not fit: Dense.* takes samples with a last axis of 3; got"):
        session.fit(Dataset(np.ones((8, 5, 2)), np.zeros(8, int)), 1, listeners=[events.append])
    assert not events


class Widened(Layer):
    """A layer whose output has more columns than its declared shape."""

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any, training: bool) -> tuple[Any, Any]:
        xp = array_api_compat.array_namespace(x)
        return xp.concat([x, x], axis=-1), lambda gradient, input_gradient=True: gradient

    def config(self) -> dict[str, Any]:
        return {}


def test_an_output_that_is_not_of_the_shape_it_was_said_to_have_is_refused(backend: Backend) -> None:
    model = Model([Dense(3, input_dim=2), Widened()]).assemble(backend)
    session = Session(model, loss=ONE_HOT_LOSS, optimizer=Adam(0.1))
    data = Dataset(np.zeros((4, 2)), np.eye(4, 3))
    for train in (lambda: session.fit(data, epochs=1), lambda: session.evaluate(data)):
        with pytest.raises(
            ValueError, match=r"needs `y_true` of the shape of the model's output \(4, 6\); got \(4, 3\)"
        ):
            train()
