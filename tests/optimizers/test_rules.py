"""Every rule against its equations, written out once more for one number at a time.

How close is close is not guessed: the reference is run a second time with all gradients positive and the parameter
negative, where nothing cancels. What it gives then is the sum of the sizes of all that was added up, and rounding
can be off by some small part of that, no more.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutedl_xp import Backend, Parameter, optimizers
from cutedl_xp.optimizers import Optimizer

Reference: TypeAlias = Callable[..., dict[str, float]]
Run: TypeAlias = Callable[[Optimizer, np.ndarray, Sequence[np.ndarray]], dict[str, np.ndarray]]


def fixed(w: float, gradients: Sequence[float], lr: float) -> dict[str, float]:
    for g in gradients:
        w -= lr * g
    return {"w": w}


def momentum(w: float, gradients: Sequence[float], lr: float, momentum: float) -> dict[str, float]:
    v = 0.0
    for g in gradients:
        v = momentum * v + lr * g
        w -= v
    return {"w": w, "v": v}


def adagrad(w: float, gradients: Sequence[float], lr: float, eps: float) -> dict[str, float]:
    s = 0.0
    for g in gradients:
        s += g**2
        w -= lr * g / (math.sqrt(s) + eps)
    return {"w": w, "s": s}


def rmsprop(w: float, gradients: Sequence[float], lr: float, rho: float, eps: float) -> dict[str, float]:
    s = 0.0
    for g in gradients:
        s = rho * s + (1 - rho) * g**2
        w -= lr * g / (math.sqrt(s) + eps)
    return {"w": w, "s": s}


def adadelta(w: float, gradients: Sequence[float], rho: float, eps: float) -> dict[str, float]:
    s = d = 0.0
    for g in gradients:
        s = rho * s + (1 - rho) * g**2
        delta = (math.sqrt(d) + eps) / (math.sqrt(s) + eps) * g
        d = rho * d + (1 - rho) * delta**2
        w -= delta
    return {"w": w, "s": s, "d": d}


def adam(w: float, gradients: Sequence[float], lr: float, beta1: float, beta2: float, eps: float) -> dict[str, float]:
    v = s = 0.0
    for t, g in enumerate(gradients, start=1):
        v = beta1 * v + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        v_hat = v / (1 - beta1**t)
        s_hat = s / (1 - beta2**t)
        w -= lr * v_hat / (math.sqrt(s_hat) + eps)
    return {"w": w, "v": v, "s": s}


@dataclass(frozen=True)
class Case:
    """A rule's reference, its defaults, and the range of each of its hyper-parameters."""

    reference: Reference
    defaults: dict[str, float]
    ranges: dict[str, st.SearchStrategy[float]]


RATE = st.floats(-6.0, 1.0).map(lambda exponent: 10.0**exponent)
DECAY = st.floats(0.001, 0.9999)
EPS = st.floats(-10.0, 0.0).map(lambda exponent: 10.0**exponent)

CASES = {
    optimizers.Fixed: Case(fixed, {"lr": 0.01}, {"lr": RATE}),
    optimizers.Momentum: Case(momentum, {"lr": 1e-4, "momentum": 0.9}, {"lr": RATE, "momentum": DECAY}),
    optimizers.Adagrad: Case(adagrad, {"lr": 0.1, "eps": 1e-6}, {"lr": RATE, "eps": EPS}),
    optimizers.RMSProp: Case(rmsprop, {"lr": 1e-4, "rho": 0.99, "eps": 1e-6}, {"lr": RATE, "rho": DECAY, "eps": EPS}),
    optimizers.Adadelta: Case(adadelta, {"rho": 0.99, "eps": 1e-6}, {"rho": DECAY, "eps": EPS}),
    optimizers.Adam: Case(
        adam,
        {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8},
        {"lr": RATE, "beta1": DECAY, "beta2": DECAY, "eps": EPS},
    ),
}
ROUNDING = {"float64": 1e-12, "float32": 2e-5}
"""How far rounding may take a result, relative to what was added up."""


@pytest.fixture(scope="session", params=["update", "step"])
def run(request: pytest.FixtureRequest, backend: Backend) -> Run:
    """A function that feeds gradients to an optimizer, by one of its two interfaces; it returns w and the state."""

    def update(optimizer: Optimizer, w: np.ndarray, gradients: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        params = backend.asarray(w)
        state = optimizer.init(params)
        for g in gradients:
            params, state = optimizer.update(params, backend.asarray(g), state)
        return {name: backend.to_numpy(array) for name, array in {**state, "w": params}.items() if name != "t"}

    def step(optimizer: Optimizer, w: np.ndarray, gradients: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        parameter = Parameter("w", backend.asarray(w.copy()))
        for g in gradients:
            parameter.gradient = g
            optimizer.step([parameter])
        slots = {name: optimizer.state[name]["w"] for name in optimizer.slots}
        return {name: backend.to_numpy(array) for name, array in {**slots, "w": parameter.value}.items()}

    return {"update": update, "step": step}[request.param]


def problem(seed: int, shape: tuple[int, ...], updates: int, dtype: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Starting values and gradients between 1e-3 and 1e2 in size, of either sign; every fifth one is 0."""
    random = np.random.default_rng(seed)
    sizes = 10.0 ** random.uniform(-3.0, 2.0, (updates + 1, *shape))
    numbers = sizes * random.choice([-1.0, 1.0, -1.0, 1.0, 0.0], sizes.shape)
    w, *gradients = (np.asarray(part, dtype=dtype) for part in numbers)
    return w, gradients


def assert_follows(
    case: Case,
    hyper: dict[str, float],
    w: np.ndarray,
    gradients: Sequence[np.ndarray],
    found: dict[str, np.ndarray],
    at: Sequence[int] | None = None,
) -> None:
    """Compare each entry, or those at some places in the flat arrays, with the reference."""
    tolerance = ROUNDING[w.dtype.name]
    starts, series = w.reshape(-1), [g.reshape(-1) for g in gradients]
    assert all((array.shape, array.dtype) == (w.shape, w.dtype) for array in found.values())
    for place in range(w.size) if at is None else at:
        start, gs = float(starts[place]), [float(g[place]) for g in series]
        wanted = case.reference(start, gs, **hyper)
        largest = case.reference(-abs(start), [abs(g) for g in gs], **hyper)
        assert found.keys() == wanted.keys()
        for name, number in wanted.items():
            got = float(found[name].reshape(-1)[place])
            assert abs(got - number) <= tolerance * abs(largest[name]), f"{name} at {place}: {got} is not {number}"


def test_table_has_every_public_optimizer() -> None:
    public = {getattr(optimizers, name) for name in optimizers.__all__} - {Optimizer}
    assert set(CASES) == public


def test_hundreds_of_updates_follow_the_equations(rule: type[Optimizer], run: Run, dtype: str) -> None:
    case = CASES[rule]
    w, gradients = problem(1, (2, 3), 300, dtype)
    assert_follows(case, case.defaults, w, gradients, run(rule(), w, gradients))


@given(data=st.data())
@settings(max_examples=25)
def test_all_shapes_and_hyperparameters_follow_the_equations(
    rule: type[Optimizer], run: Run, dtype: str, data: st.DataObject
) -> None:
    case = CASES[rule]
    hyper = data.draw(st.fixed_dictionaries(case.ranges), label="hyper-parameters")
    shape = data.draw(st.sampled_from([(), (0,), (1,), (5,), (1, 0, 2), (2, 3), (3, 1, 2)]), label="shape")
    updates = data.draw(st.integers(1, 6), label="updates")
    w, gradients = problem(data.draw(st.integers(0, 2**32), label="seed"), shape, updates, dtype)
    assert_follows(case, hyper, w, gradients, run(rule(**hyper), w, gradients))


@pytest.mark.parametrize("shape", [(16_384,), (16_385,), (3, 13_001), (40_000,)])
def test_arrays_of_any_length_follow_the_equations_to_their_ends(
    rule: type[Optimizer], run: Run, dtype: str, shape: tuple[int, ...]
) -> None:
    case = CASES[rule]
    w, gradients = problem(2, shape, 3, dtype)
    places = [0, 1, 16_383, w.size // 2, w.size - 1, *range(16_384, w.size, 8_192)]  # NumPy's blocks are 16,384 long
    assert_follows(case, case.defaults, w, gradients, run(rule(), w, gradients), places)


@pytest.mark.views
def test_long_arrays_are_updated_in_place_as_by_the_pure_update(
    rule: type[Optimizer], backend: Backend, dtype: str
) -> None:
    optimizer, (w, (g,)) = rule(), problem(3, (3, 13_001), 1, dtype)
    parameter = Parameter("w", backend.asarray(w.copy()), backend.asarray(g))
    optimizer.step([parameter])
    params = backend.asarray(w)
    updated, _ = rule().update(params, backend.asarray(g), rule().init(params))
    np.testing.assert_array_equal(backend.to_numpy(parameter.value), backend.to_numpy(updated))


@pytest.mark.views
def test_arrays_that_are_not_contiguous_are_updated_all_the_same(
    rule: type[Optimizer], backend: Backend, dtype: str
) -> None:
    w, gradients = problem(4, (130, 260), 2, dtype)
    whole = backend.asarray(w.copy())
    transposed, plain = Parameter("w", whole.T[1::2, :]), Parameter("w", backend.asarray(w.T[1::2, :].copy()))
    for optimizer, parameter in ((rule(), transposed), (rule(), plain)):
        for g in gradients:
            parameter.gradient = g.T[1::2, :]
            optimizer.step([parameter])
    np.testing.assert_array_equal(backend.to_numpy(transposed.value), backend.to_numpy(plain.value))
    np.testing.assert_array_equal(backend.to_numpy(whole)[:, 1::2], backend.to_numpy(plain.value).T)
    np.testing.assert_array_equal(backend.to_numpy(whole)[:, ::2], w[:, ::2])  # what lies between is left alone


def test_no_gradient_means_no_step(rule: type[Optimizer], run: Run, dtype: str) -> None:
    w, zeros = np.array([1.5, -2.0], dtype), np.zeros(2, dtype)
    found: dict[str, Any] = run(rule(), w, [zeros, zeros])
    assert found.pop("w").tolist() == [1.5, -2.0]
    assert all(not array.any() for array in found.values())
