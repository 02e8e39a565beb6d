"""Wrappers that limit the gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parameter_tools import gradients, set_gradients, values

from cutedl_xp import Backend, Dataset, Model, Parameter, Session, losses
from cutedl_xp.layers import Dense
from cutedl_xp.optimizers import Adam, ClipByGlobalNorm, ClipByNorm, ClipByValue, Fixed, Optimizer
from cutedl_xp.schedules import Step

Clipping = Callable[[Optimizer, float], Any]
GRADIENTS = {
    "a": np.array([[3.0, -4.0], [0.0, 0.0]]),
    "b": np.array([0.5]),
    "c": np.array(-12.0),
    "d": np.zeros((0, 2)),
}


def by_value(gradients: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
    return {name: np.clip(g, -limit, limit) for name, g in gradients.items()}


def by_norm(gradients: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
    return {name: g * min(1.0, limit / (np.linalg.norm(g) or 1.0)) for name, g in gradients.items()}


def by_global_norm(gradients: dict[str, np.ndarray], limit: float) -> dict[str, np.ndarray]:
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    return {name: g * min(1.0, limit / norm) for name, g in gradients.items()}


each_kind = pytest.mark.parametrize(
    ("kind", "expected"), [(ClipByValue, by_value), (ClipByNorm, by_norm), (ClipByGlobalNorm, by_global_norm)]
)


@each_kind
@pytest.mark.parametrize("limit", [1.0, 4.5, 13.0, 1e6])
def test_a_rule_receives_limited_gradients(
    kind: Clipping, expected: Any, limit: float, backend: Backend, dtype: str, to_numpy: Callable[[Any], np.ndarray]
) -> None:
    grads = {name: backend.asarray(g.astype(dtype)) for name, g in GRADIENTS.items()}
    params = {name: backend.asarray(np.zeros(g.shape, dtype)) for name, g in GRADIENTS.items()}
    rule = kind(Fixed(1.0), limit)
    after, state = rule.update(params, grads, rule.init(params))
    parameters = [Parameter(name, params[name], grads[name]) for name in GRADIENTS]
    rule.step(parameters)
    assert state == rule.state == {"t": 1}
    for parameter, (name, wanted) in zip(parameters, expected(GRADIENTS, limit).items(), strict=True):
        for found in (after[name], parameter.value):
            assert (found.shape, found.dtype, found.device) == (wanted.shape, backend.dtype(dtype), backend.device)
            np.testing.assert_allclose(to_numpy(found), -wanted, rtol=10 * np.finfo(dtype).eps)


@each_kind
def test_a_models_parameters_are_limited_as_loose_ones(kind: Clipping, expected: Any, backend: Backend) -> None:
    model = Model([Dense(3, input_dim=2), Dense(2)]).assemble(backend, "float64")
    before, numbers = values(model.parameters), gradients(model.parameters, 0)
    set_gradients(model.parameters, 0)
    kind(Fixed(1.0), 0.5).step(model.parameters)
    for name, found in values(model.parameters).items():
        np.testing.assert_allclose(found, before[name] - expected(numbers, 0.5)[name], rtol=1e-12)


@each_kind
@pytest.mark.parametrize("donate", [False, True])
def test_runs_of_several_parameters_are_limited_donated_or_not(
    kind: Clipping, expected: Any, donate: bool, backend: Backend, to_numpy: Callable[[Any], np.ndarray]
) -> None:
    model = Model([Dense(3, input_dim=2), Dense(2)]).assemble(backend, "float64")
    before, numbers = values(model.parameters), gradients(model.parameters, 0)
    set_gradients(model.parameters, 0)
    optimizer = kind(Fixed(1.0), 0.5)
    optimizer.attach(model.parameters)
    optimizer.views.refresh()
    arrays, state = (optimizer.views.values, optimizer.views.gradients), optimizer.kept_state()
    updated, _ = optimizer.apply(*arrays, state, optimizer.next_scalars(state), donate=donate)
    for name, found in updated.views.items():
        np.testing.assert_allclose(to_numpy(found), before[name] - expected(numbers, 0.5)[name], rtol=1e-12)
    if not donate:
        for name, kept in optimizer.views.gradients.views.items():
            np.testing.assert_array_equal(to_numpy(kept), numbers[name])


def test_an_infinite_entry_is_limited_by_value(backend: Backend, dtype: str) -> None:
    g = np.asarray([np.inf, -np.inf, 1.0, -1e30], dtype)
    parameter = Parameter("w", backend.asarray(np.zeros(4, dtype)), backend.asarray(g))
    rule = ClipByValue(Fixed(1.0), 2.0)
    updated, _ = rule.update(backend.asarray(np.zeros(4, dtype)), backend.asarray(g), {"t": 0})
    rule.step([parameter])
    for found in (updated, parameter.value):
        assert backend.to_numpy(found).tolist() == [-2.0, 2.0, -1.0, 2.0]


@each_kind
def test_dtypes_in_one_tree(kind: Clipping, expected: Any, backend: Backend) -> None:
    dtypes = {"a": "float32", "b": "float64"}
    gradients = {name: np.asarray([3.0, -4.0], dtype) for name, dtype in dtypes.items()}
    given = {name: backend.asarray(g) for name, g in gradients.items()}
    loose = [Parameter(name, backend.asarray(np.zeros(2, dtypes[name])), given[name]) for name in dtypes]
    rule = kind(Fixed(1.0), 0.5)
    after, _ = rule.update({p.name: p.value for p in loose}, given, {"t": 0})
    kind(Fixed(1.0), 0.5).step(loose)
    for parameter in loose:
        for found in (after[parameter.name], parameter.value):
            assert found.dtype == backend.dtype(dtypes[parameter.name])
            wanted = -expected(gradients, 0.5)[parameter.name]
            np.testing.assert_allclose(backend.to_numpy(found), wanted, rtol=1e-6)


@each_kind
def test_the_state_is_the_other_ones(kind: Clipping, expected: Any, backend: Backend) -> None:
    w, g = (backend.asarray(np.asarray(numbers)) for numbers in ([1.0, 2.0], [0.1, -0.1]))
    clipped, plain = kind(Adam(0.1), 10.0), Adam(0.1)
    ours, theirs = clipped.update(w, g, clipped.init(w)), plain.update(w, g, plain.init(w))
    for found, wanted in ((ours[0], theirs[0]), (ours[1]["v"], theirs[1]["v"])):
        np.testing.assert_allclose(backend.to_numpy(found), backend.to_numpy(wanted), rtol=1e-15)
    again = kind(ClipByValue(Fixed(1.0), 10.0), 5.0)
    assert repr(again).endswith("(ClipByValue(Fixed(lr=1.0, weight_decay=0.0), limit=10.0), limit=5.0)")
    again.lr = 0.25
    assert again.lr == again.optimizer.lr == again.optimizer.optimizer.lr == 0.25


@each_kind
def test_a_session_trains_with_it(kind: Clipping, expected: Any) -> None:
    x = np.linspace(-1.0, 1.0, 32, dtype="float32").reshape(32, 1)
    model = Model([Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    session = Session(model, loss=losses.Mse(), optimizer=kind(Fixed(Step(0.5, every=100)), 0.1))
    assert session.fit(Dataset(x, 3.0 * x, batch_size=16), epochs=200).loss[-1] < 1e-2


@each_kind
def test_misuse_is_one_sentence_and_changes_nothing(kind: Clipping, expected: Any) -> None:
    for limit, error in (
        (0.0, ValueError),
        (-1.0, ValueError),
        (1e-50, ValueError),
        (1e300, ValueError),
        ("1", TypeError),
    ):
        with pytest.raises(error, match=r"^`limit` must be "):
            kind(Fixed(), limit)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`optimizer` must be an Optimizer; got 'adam' \(str\)$"):
        kind("adam", 1.0)  # type: ignore[arg-type]
    rule, w = kind(Fixed(1.0), 1.0), np.zeros(2)
    with pytest.raises(
        TypeError,
        match=r"^`grads` is a numpy array of dtype int64 .*; convert it to float64$",
    ):
        rule.update(w, np.ones(2, "int64"), rule.init(w))
    with pytest.raises(ValueError, match=r"^`grads` must have the structure of `params`"):
        rule.update([w], [w, w], rule.init([w]))
    first, other = (Parameter(name, np.zeros(2), np.full(2, 9.0)) for name in "ab")
    rule.step([first])
    with pytest.raises(ValueError, match="this Fixed keeps the state of other parameters"):
        rule.step([other])
    assert other.gradient.tolist() == [9.0, 9.0]
