"""Training, evaluation and prediction with batches that a function yields."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import FitListener
from cutedl_xp.losses import Loss, Mse
from cutedl_xp.metrics import F1, ConfusionMatrix, accuracy

MakeSession = Callable[..., Session]
RANDOM = np.random.default_rng(4)
WEIGHT = RANDOM.uniform(0.5, 2.0, 150)


@pytest.fixture
def whole(clusters: Any) -> Dataset:
    """Return a data set in memory with five batches per epoch, the last one smaller."""
    return Dataset(*clusters, batch_size=32, seed=3)


@pytest.fixture
def data(clusters: Any, whole: Dataset) -> Any:
    """Return the same batches from a function."""
    return from_batches(whole, *clusters)


def from_batches(whole: Dataset, *arrays: np.ndarray, steps: int = 5) -> Any:
    def read(epoch: int) -> Iterator[tuple[np.ndarray, ...]]:
        order = whole.row_numbers(epoch)
        for first in range(0, 150, 32):
            yield tuple(array[order[first : first + 32]] for array in arrays)

    return Dataset.from_batches(read, steps)


@pytest.mark.usefixtures("_comparable_to_the_bit")
def test_a_training_is_that_on_the_same_batches_in_memory(
    make_session: MakeSession, weights_of: Any, whole: Dataset, data: Any
) -> None:
    options: dict[str, Any] = {"metrics": [accuracy, F1(), ConfusionMatrix()]}
    first, second = make_session(**options), make_session(**options)
    expected = first.fit(whole, 3, val_data=whole, compiled=False)
    history = second.fit(data, 3, val_data=data)
    assert history.steps == [5, 10, 15]
    for name in ("loss", "val_loss", "val_accuracy", "val_f1"):
        assert history.series(name) == expected.series(name)
    for name, value in weights_of(first).items():
        np.testing.assert_array_equal(weights_of(second)[name], value)
    found, wanted = second.evaluate(data, batches=2), first.evaluate(whole, batches=2)
    np.testing.assert_array_equal(found.pop("confusion_matrix"), wanted.pop("confusion_matrix"))
    assert found == pytest.approx(wanted, rel=1e-6)


def test_they_are_not_compiled_and_the_reason_says_so(backend: Backend, make_session: MakeSession, data: Any) -> None:
    session = make_session()
    session.fit(data, 1)
    assert not session.compiled
    if backend.why_not_compiled() is None:
        assert session.compiled.reason == "the training data are read batch by batch"
        with pytest.raises(ValueError, match="`compiled` is True, but the training data are read batch by batch"):
            session.fit(data, 1, compiled=True)


@pytest.mark.parametrize("class_weight", [None, {0: 3.0, 2: 0.0}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.usefixtures("_comparable_to_the_bit")
def test_weights_of_samples_and_classes(
    make_session: MakeSession, clusters: Any, class_weight: Any, weighted: bool
) -> None:
    weight = WEIGHT if weighted else None
    whole = Dataset(*clusters, batch_size=32, sample_weight=weight)
    data = from_batches(whole, *clusters, *([] if weight is None else [weight]))
    options: dict[str, Any] = {"val_data": whole, "class_weight": class_weight, "train_metrics": True}
    expected = make_session(dtype="float64", metrics=[F1()]).fit(whole, 2, compiled=False, **options)
    history = make_session(dtype="float64", metrics=[F1()]).fit(data, 2, **options | {"val_data": data})
    for name in ("loss", "val_loss", "val_f1"):
        np.testing.assert_allclose(history.series(name), expected.series(name), rtol=1e-12)


@pytest.mark.parametrize("step", [3, 5, 7])
@pytest.mark.parametrize("in_file", [False, True])
def test_an_interrupted_training_continues_at_the_next_batch(
    backend: Backend, make_session: MakeSession, weights_of: Any, data: Any, step: int, in_file: bool, tmp_path: Path
) -> None:
    undisturbed, session = make_session(), make_session()
    whole = undisturbed.fit(data, 3, val_data=data, class_weight={1: 2.0})

    def interrupt(event: Any) -> None:
        if event.step == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.fit(
            data, 3, val_data=data, class_weight={1: 2.0}, listeners=[FitListener("step_end", callback=interrupt)]
        )
    if in_file:
        session.save(tmp_path / "session.ckpt")
        session = Session.load(tmp_path / "session.ckpt", backend)
    with pytest.raises(ValueError, match="`train` must have the weights of the interrupted training"):
        session.resume(data, val_data=data, class_weight={1: 3.0})
    other = Dataset.from_batches(data.factory, 4)
    with pytest.raises(ValueError, match=r"`train` must be the data set .* steps_per_epoch 4, and 5 before"):
        session.resume(other, val_data=data, class_weight={1: 2.0})
    assert session.resume(data, val_data=data, class_weight={1: 2.0}).loss == whole.loss
    for name, value in weights_of(undisturbed).items():
        np.testing.assert_array_equal(weights_of(session)[name], value)


def test_another_fit_continues_in_the_middle_of_the_epoch(make_session: MakeSession, clusters: Any, data: Any) -> None:
    session = make_session()
    stop = FitListener("step_end", callback=lambda event: event.stop("enough") if event.step == 2 else None)
    session.fit(data, 1, listeners=[stop])
    state = session.state_dict()
    assert (state["batch"], state["data"]) == (2, {"steps_per_epoch": 5})
    loaded = make_session()
    loaded.load_state_dict(state)
    for each in (session, loaded):
        each.fit(data, 1)
        assert (each.step, each.epoch) == (5, 1)
    with pytest.raises(ValueError, match=r"d\['batch'\] is 5"):
        loaded.load_state_dict(state | {"batch": 5})


def test_an_epoch_that_ends_early_ends_the_training(make_session: MakeSession, whole: Dataset, clusters: Any) -> None:
    session = make_session()
    with pytest.raises(ValueError, match=r"must give 7 batches in every epoch .* epoch 0 ended after 5"):
        session.fit(from_batches(whole, *clusters, steps=7), 2)
    assert session.step == 5
    assert session.history is not None
    assert session.history.stopped_by == "error"


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([(np.zeros((4, 3)), np.zeros(4, int))], "`train` does not fit: .* takes samples with a last axis of 2"),
        ([(np.zeros((4, 2)), np.zeros(4))], "`train` does not fit: .* takes class numbers of an integer dtype"),
        ([(np.zeros((4, 2)), np.full(4, 3))], "takes labels from 0 to 2; got labels from 3 to 3"),
        ([(np.zeros((4, 2)), np.zeros((4, 2), int))], "`train` does not fit"),
        ([], "`train` does not fit: `factory` must give batches; got none"),
    ],
)
def test_a_first_batch_that_does_not_fit_is_refused_before_any_step(
    make_session: MakeSession, batches: Any, message: str
) -> None:
    session = make_session()
    for use in (lambda data: session.fit(data, 1), session.evaluate):
        with pytest.raises(
            (TypeError, ValueError), match=message if use != session.evaluate else "`data` does not fit"
        ):
            use(Dataset.from_batches(batches, 1))
    assert session.step == 0
    assert session.history is None


def test_labels_of_later_batches_are_checked(make_session: MakeSession) -> None:
    good, bad = (np.zeros((4, 2)), np.zeros(4, int)), (np.zeros((4, 2)), np.full(4, 3))
    with pytest.raises(ValueError, match=r"batch 1 of epoch 0 does not fit: .* got labels from 3 to 3"):
        make_session().fit(Dataset.from_batches([good, bad], 2), 1)


def test_class_weights_need_labels_of_classes(make_session: MakeSession) -> None:
    session = make_session(Dense(1, 2, "linear"), loss=Mse())
    data = Dataset.from_batches([(np.zeros((4, 2)), np.full(4, 0.5))], 1)
    with pytest.raises(ValueError, match="`class_weight` needs labels that are class numbers"):
        session.fit(data, 1, class_weight={0: 2.0})
    with pytest.raises(ValueError, match="classes of the labels, from 0 to 1; got 2"):
        session.fit(data, 1, class_weight={2: 2.0})
    assert session.step == 0


def test_weights_need_a_loss_that_takes_them(make_session: MakeSession, clusters: Any, whole: Dataset) -> None:
    class Halved(Loss):
        def value_and_gradient(self, backend: Backend, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
            raise AssertionError

    session = make_session(Dense(1, 2, "linear"), loss=Halved())
    with pytest.raises(ValueError, match="Halved does not"):
        session.fit(from_batches(whole, clusters[0], clusters[0][:, :1], WEIGHT), 1)


def test_a_number_that_is_not_finite_ends_the_training(make_session: MakeSession) -> None:
    data = Dataset.from_batches([(np.full((4, 2), np.nan), np.zeros(4, int))], 1)
    with pytest.warns(RuntimeWarning, match="if all samples of `train` are finite, a smaller learning rate may help"):
        history = make_session().fit(data, 2)
    assert history.stopped_by == "not_finite"


def test_predictions_are_those_of_all_batches_in_their_order(
    make_session: MakeSession, to_numpy: Any, clusters: Any
) -> None:
    session = make_session()
    raw = RANDOM.integers(0, 256, (10, 2)).astype("uint8")
    batches = [(raw[:3], np.zeros(3)), (raw[3:], np.zeros(7))]
    wanted = to_numpy(session.model.predict((raw / 255).astype("float32")))
    for batch_size in (None, 2):
        outputs = session.model.predict(Dataset.from_batches(batches, 2, scale=1 / 255), batch_size)
        np.testing.assert_allclose(to_numpy(outputs), wanted, rtol=1e-5, atol=1e-6)
    assert tuple(session.predict_proba(Dataset.from_batches(batches, 1)).shape) == (3, 3)


def test_the_scale_is_kept_with_the_model(make_session: MakeSession) -> None:
    session = make_session()
    session.fit(Dataset.from_batches([(np.full((4, 2), 255, "uint8"), np.zeros(4, int))], 1, scale=1 / 255), 1)
    assert session.model.scale == 1 / 255


def test_a_generator_or_its_function_is_not_data(make_session: MakeSession) -> None:
    for wrong in (iter([]), lambda: iter([])):
        with pytest.raises(TypeError, match=r"use Dataset.from_batches\(function, steps_per_epoch\)"):
            make_session().fit(wrong, 1)
