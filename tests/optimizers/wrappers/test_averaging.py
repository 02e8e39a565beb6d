"""An average of the weights, and its exchange with them."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Parameter, Session, losses
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import FitListener
from cutedl_xp.optimizers import AverageWeights, Fixed

DECAY = 0.8


def test_the_average_follows_its_equation(backend: Backend, dtype: str, to_numpy: Callable[[Any], np.ndarray]) -> None:
    random = np.random.default_rng(0)
    w, *gradients = (np.asarray(random.normal(size=(2, 3)), dtype) for _ in range(6))
    rule, in_place = AverageWeights(Fixed(0.5), DECAY), AverageWeights(Fixed(0.5), DECAY)
    params, parameter = backend.asarray(w), Parameter("w", backend.asarray(w.copy()))
    state, expected, average = rule.init(params), w, w
    for g in gradients:
        params, state = rule.update(params, backend.asarray(g), state)
        parameter.gradient = g
        in_place.step([parameter])
        expected = expected - np.asarray(0.5, dtype) * g
        average = DECAY * average + (1.0 - DECAY) * expected
    rounding = 1e2 * np.finfo(dtype).eps
    for found, wanted in (
        (params, expected),
        (state["average"], average),
        (parameter.value, expected),
        (in_place.state["average"]["w"], average),
    ):
        assert found.dtype == backend.dtype(dtype)
        np.testing.assert_allclose(to_numpy(found), wanted, rtol=rounding, atol=rounding)
    assert state["optimizer"] == in_place.state["optimizer"] == {"t": 5}


def test_nothing_handed_in_changes() -> None:
    w, g = np.ones(3), np.full(3, 0.5)
    rule = AverageWeights(Fixed(0.5), DECAY)
    state = rule.init(w)
    before = copy.deepcopy(state)
    after, _ = rule.update(w, g, state)
    np.testing.assert_equal(state, before)
    assert w.tolist() == [1.0] * 3
    after[...] = 7.0
    np.testing.assert_equal(state, before)


def test_swapping_twice_changes_no_bit(backend: Backend) -> None:
    model = Model([Dense(3, input_dim=2), Dense(1)]).assemble(backend)
    optimizer = AverageWeights(Fixed(0.5), DECAY)
    start = np.array(backend.to_numpy(model.parameters.flat.value))
    for parameter in model.parameters:
        parameter.gradient = np.ones(parameter.value.shape)
    optimizer.step(model.parameters)
    trained = np.array(backend.to_numpy(model.parameters.flat.value))
    optimizer.swap()
    averaged = np.array(backend.to_numpy(model.parameters.flat.value))
    np.testing.assert_allclose(averaged, DECAY * start + (1.0 - DECAY) * trained, rtol=1e-6)
    optimizer.swap()
    np.testing.assert_array_equal(backend.to_numpy(model.parameters.flat.value), trained)
    average = optimizer.state["average"]["/1-Dense/weight"]
    np.testing.assert_array_equal(np.reshape(backend.to_numpy(average), -1), averaged[:6])


def test_a_training_validates_with_the_average(backend: Backend) -> None:
    x = np.linspace(-1.0, 1.0, 16, dtype="float32").reshape(16, 1)
    data = Dataset(x, 3.0 * x, batch_size=8)

    def trained(*, swaps: bool) -> Session:
        optimizer = AverageWeights(Fixed(0.4), DECAY)
        swap = FitListener("val_start", "val_end", callback=lambda event: optimizer.swap())
        model = Model([Dense(1, input_dim=1, activation="linear")]).assemble(backend)
        session = Session(model, loss=losses.Mse(), optimizer=optimizer)
        session.fit(data, epochs=2, val_data=data, listeners=[swap] if swaps else [])
        return session

    plain, swapped = trained(swaps=False), trained(swaps=True)
    for part in ("value", "gradient"):
        one, other = (backend.to_numpy(getattr(each.model.parameters.flat, part)) for each in (plain, swapped))
        np.testing.assert_array_equal(one, other)  # the training continues as if nothing had happened
    assert plain.history is not None
    assert swapped.history is not None
    assert swapped.history.loss == plain.history.loss
    assert swapped.history.val_loss[-1] > plain.history.val_loss[-1]  # the average follows with a delay
    plain.optimizer.swap()  # type: ignore[attr-defined]
    assert plain.evaluate(data)["loss"] == pytest.approx(swapped.history.val_loss[-1], rel=1e-6)


def test_misuse_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"^`decay` must lie strictly between 0 and 1; got 1.0$"):
        AverageWeights(Fixed(), 1.0)
    with pytest.raises(RuntimeError, match=r"^there are no weights to swap yet; attach\(\) the parameters, or train "):
        AverageWeights(Fixed()).swap()
    with pytest.raises(ValueError, match=r"^`state` of AverageWeights is a dict with the keys 'optimizer', 'average'"):
        AverageWeights(Fixed()).update(np.zeros(2), np.zeros(2), {"t": 0})
    assert repr(AverageWeights(Fixed())) == "AverageWeights(Fixed(lr=0.01, weight_decay=0.0), decay=0.999)"
