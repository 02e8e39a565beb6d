"""Updates of the mean of several gradients."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Parameter, Session, losses
from cutedl_xp.layers import Dense
from cutedl_xp.optimizers import Accumulate, Adam, Fixed

SHAPES = {"weight": (3, 2), "bias": (2,), "scale": ()}


def trees(count: int, dtype: str) -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    return [{k: np.asarray(random.normal(size=shape), dtype) for k, shape in SHAPES.items()} for _ in range(count)]


def test_an_update_is_one_of_the_mean(
    backend: Backend, dtype: str, on_host: Callable[[Any], Any], to_numpy: Callable[[Any], np.ndarray]
) -> None:
    start, *gradients = ({k: backend.asarray(v) for k, v in tree.items()} for tree in trees(8, dtype))
    rule, plain, in_place = Accumulate(Adam(0.1), 3), Adam(0.1), Accumulate(Adam(0.1), 3)
    params, expected = start, start
    state, other = rule.init(params), plain.init(expected)
    parameters = [Parameter(name, backend.asarray(to_numpy(w).copy())) for name, w in start.items()]
    for number, grads in enumerate(gradients, 1):
        before = params
        params, state = rule.update(params, grads, state)
        for parameter in parameters:
            parameter.gradient = grads[parameter.name]
        in_place.step(parameters)
        assert state["count"] == in_place.state["count"] == number % 3
        assert state["optimizer"]["t"] == in_place.state["optimizer"]["t"] == number // 3
        if number % 3:
            assert params is before
            continue
        last = gradients[number - 3 : number]
        mean = {name: (last[0][name] + last[1][name] + last[2][name]) / 3.0 for name in SHAPES}
        expected, other = plain.update(expected, mean, other)
        tolerance = dict.fromkeys(("rtol", "atol"), 1e3 * np.finfo(dtype).eps)
        for parameter in parameters:
            wanted = to_numpy(expected[parameter.name])
            np.testing.assert_allclose(to_numpy(params[parameter.name]), wanted, **tolerance)
            np.testing.assert_allclose(to_numpy(parameter.value), wanted, **tolerance)
    share = on_host(gradients[-1])["weight"] / 3.0
    for mean in (state["mean"]["weight"], in_place.state["mean"]["weight"]):
        np.testing.assert_allclose(to_numpy(mean), share, rtol=1e-5)


def test_nothing_handed_in_changes() -> None:
    start, *gradients = trees(4, "float64")
    rule = Accumulate(Adam(0.1), 2)
    params, state = start, rule.init(start)
    for grads in gradients:
        given = copy.deepcopy((params, grads, state))
        after = rule.update(params, grads, state)
        np.testing.assert_equal((params, grads, state), given)
        params, state = after


def test_small_batches_train_as_a_large_one(backend: Backend) -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=(60, 4)), random.normal(size=(60, 2))

    def weights(batch_size: int, optimizer: Any) -> np.ndarray:
        model = Model([Dense(5, input_dim=4, activation="tanh"), Dense(2, activation="relu")]).assemble(
            backend, "float64"
        )
        session = Session(model, loss=losses.Mse(), optimizer=optimizer)
        session.fit(Dataset(x, y, batch_size, shuffle=False), epochs=4)
        assert optimizer.state["optimizer"]["t"] == 8
        return np.array(backend.to_numpy(model.parameters.flat.value))

    large, small = weights(30, Accumulate(Adam(0.01), 1)), weights(10, Accumulate(Adam(0.01), 3))
    np.testing.assert_allclose(small, large, rtol=1e-10)


def test_its_state_is_by_the_parameters_names(backend: Backend) -> None:
    model = Model([Dense(2, input_dim=3)]).assemble(backend)
    optimizer = Accumulate(Fixed(), 2)
    assert optimizer.state == {"optimizer": {"t": 0}, "count": 0, "mean": {}}
    optimizer.step(model.parameters)
    assert {name: tuple(mean.shape) for name, mean in optimizer.state["mean"].items()} == {
        "/1-Dense/weight": (3, 2),
        "/1-Dense/bias": (2,),
    }


def test_an_update_that_failed_changes_nothing_and_can_be_repeated() -> None:
    def rate(update: int) -> float:
        if update == 0 and not failed:
            failed.append(update)
            raise OSError("once")
        return 0.5

    failed: list[int] = []
    optimizer, parameters = Accumulate(Fixed(rate), 2), [Parameter("w", np.zeros(1), np.ones(1))]
    optimizer.step(parameters)
    with pytest.raises(OSError, match="once"):
        optimizer.step(parameters)
    assert optimizer.state["count"] == 1
    assert optimizer.state["mean"]["w"].tolist() == [0.5]
    assert parameters[0].value.tolist() == [0.0]
    optimizer.step(parameters)
    assert parameters[0].value.tolist() == [-0.5]


def test_misuse_is_one_sentence() -> None:
    for every, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match=r"^`every` must be "):
            Accumulate(Fixed(), every)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`optimizer` must be an Optimizer; got 3 \(int\)$"):
        Accumulate(3, 2)  # type: ignore[arg-type]
    rule, w = Accumulate(Fixed(), 2), np.zeros(2)
    with pytest.raises(
        ValueError, match=r"^`state` of Accumulate is a dict with the keys 'optimizer', 'count', 'mean'"
    ):
        rule.update(w, w, {"t": 0})
    first, other = (Parameter(name, np.zeros(2)) for name in "ab")
    rule.step([first])
    with pytest.raises(ValueError, match="this Fixed keeps the state of other parameters"):
        rule.step([other])
    assert rule.state["count"] == 1
    assert repr(rule) == "Accumulate(Fixed(lr=0.01, weight_decay=0.0), every=2)"
