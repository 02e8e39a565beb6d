"""Every rule compared with its equations, which are written again for single numbers.

The tolerance is computed: the reference runs a second time with all gradients positive and the parameter negative,
where nothing cancels. Its result is the sum of the absolute values of all terms, and rounding errors are at most a
small part of it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutedl_xp import Backend, Parameter, optimizers
from cutedl_xp.optimizers import ElementwiseOptimizer, Optimizer
from optimizer_table import REFERENCES, VARIANTS, Variant

Run: TypeAlias = Callable[[Optimizer, np.ndarray, Sequence[np.ndarray]], dict[str, np.ndarray]]

RATE = st.floats(-6.0, 1.0).map(lambda exponent: 10.0**exponent)
DECAY = st.floats(0.001, 0.9999)
EPS = st.floats(-10.0, 0.0).map(lambda exponent: 10.0**exponent)

RANGES = {
    "lr": RATE,
    "momentum": DECAY,
    "rho": DECAY,
    "beta1": DECAY,
    "beta2": DECAY,
    "eps": EPS,
    "initial_accumulator": st.just(0.0) | st.floats(1e-6, 10.0),
    "weight_decay": st.sampled_from([0.0, 0.01]),
}
OPTIONS = st.booleans()
"""Ranges of hyper-parameters by name; others are boolean options."""

ROUNDING = {"float64": 1e-12, "float32": 2e-5}
"""Tolerance for rounding, relative to the sum of the absolute values of the terms."""


@pytest.fixture(scope="session", params=["update", "step"])
def run(request: pytest.FixtureRequest, backend: Backend) -> Run:
    """Return a function that passes gradients to an optimizer, by either interface, and returns w and the state."""

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
    """Return starting values and gradients of absolute value 1e-3 to 1e2 and both signs; every fifth one is 0."""
    random = np.random.default_rng(seed)
    sizes = 10.0 ** random.uniform(-3.0, 2.0, (updates + 1, *shape))
    numbers = sizes * random.choice([-1.0, 1.0, -1.0, 1.0, 0.0], sizes.shape)
    w, *gradients = (np.asarray(part, dtype=dtype) for part in numbers)
    return w, gradients


def assert_follows(
    kind: type[Optimizer],
    hyper: dict[str, Any],
    w: np.ndarray,
    gradients: Sequence[np.ndarray],
    found: dict[str, np.ndarray],
    at: Sequence[int] | None = None,
) -> None:
    """Compare each entry, or entries at some positions in the flat arrays, with the reference."""
    tolerance = ROUNDING[w.dtype.name]
    starts, series = w.reshape(-1), [g.reshape(-1) for g in gradients]
    assert all((array.shape, array.dtype) == (w.shape, w.dtype) for array in found.values())
    for place in range(w.size) if at is None else at:
        start, gs = float(starts[place]), [float(g[place]) for g in series]
        wanted = REFERENCES[kind](start, gs, **hyper)
        adding = hyper | {"weight_decay": -hyper["weight_decay"]}
        largest = REFERENCES[kind](-abs(start), [abs(g) for g in gs], **adding)
        assert found.keys() == wanted.keys()
        for name, number in wanted.items():
            got = float(found[name].reshape(-1)[place])
            assert abs(got - number) <= tolerance * abs(largest[name]), f"{name} at {place}: {got} is not {number}"


def test_table_has_every_public_optimizer_with_every_option() -> None:
    named = {getattr(optimizers, name) for name in optimizers.__all__}
    public = {each for each in named if issubclass(each, ElementwiseOptimizer)} - {ElementwiseOptimizer}
    assert set(REFERENCES) == public
    for kind in public:
        defaults, variants = kind(), [variant for variant in VARIANTS if variant.kind is kind]
        for option in dataclasses.fields(kind):
            assert any(
                getattr(variant.make(), option.name) != getattr(defaults, option.name) for variant in variants
            ), f"no line of the table changes {option.name} of {kind.__name__}"


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_many_updates_follow_the_equations(variant: Variant, run: Run, dtype: str) -> None:
    w, gradients = problem(1, (2, 3), 60, dtype)
    assert_follows(variant.kind, variant.hyperparameters, w, gradients, run(variant.make(), w, gradients))


@given(data=st.data())
@settings(max_examples=10)
def test_all_shapes_and_hyperparameters_follow_the_equations(
    rule: type[Optimizer], run: Run, dtype: str, data: st.DataObject
) -> None:
    ranges = {option.name: RANGES.get(option.name, OPTIONS) for option in dataclasses.fields(rule)}
    ranges |= {"centered": st.just(False)} if "centered" in ranges else {}  # a difference that may cancel to any value
    hyper = data.draw(st.fixed_dictionaries(ranges), label="hyper-parameters")
    shape = data.draw(st.sampled_from([(), (0,), (1,), (5,), (1, 0, 2), (2, 3), (3, 1, 2)]), label="shape")
    updates = data.draw(st.integers(1, 6), label="updates")
    w, gradients = problem(data.draw(st.integers(0, 2**32), label="seed"), shape, updates, dtype)
    assert_follows(rule, hyper, w, gradients, run(rule(**hyper), w, gradients))


@pytest.mark.parametrize("shape", [(16_384,), (16_385,), (3, 13_001), (40_000,)])
def test_arrays_of_any_length_follow_the_equations_to_their_ends(
    rule: type[Optimizer], run: Run, dtype: str, shape: tuple[int, ...]
) -> None:
    w, gradients = problem(2, shape, 3, dtype)
    places = [0, 1, 16_383, w.size // 2, w.size - 1, *range(16_384, w.size, 8_192)]  # NumPy's blocks are 32,768 long
    defaults = Variant(rule).hyperparameters
    assert_follows(rule, defaults, w, gradients, run(rule(), w, gradients), places)


@pytest.mark.views
def test_long_arrays_are_updated_in_place_as_by_the_pure_update(
    rule: type[Optimizer], backend: Backend, dtype: str
) -> None:
    optimizer, (w, (g,)) = rule(), problem(3, (3, 13_001), 1, dtype)
    parameter = Parameter("w", backend.asarray(w.copy()), backend.asarray(g))
    optimizer.step([parameter])
    params = backend.asarray(w)
    updated, _ = rule().update(params, backend.asarray(g), rule().init(params))
    rounding = 4 * np.finfo(dtype).eps if backend.name == "cupy" else 0.0  # a kernel may round a product and a sum once
    np.testing.assert_allclose(backend.to_numpy(parameter.value), backend.to_numpy(updated), rounding, rounding)


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
    np.testing.assert_array_equal(backend.to_numpy(whole)[:, ::2], w[:, ::2])  # entries in between stay unchanged


def test_no_gradient_means_no_step(rule: type[Optimizer], run: Run, dtype: str) -> None:
    w, zeros = np.array([1.5, -2.0], dtype), np.zeros(2, dtype)
    found: dict[str, Any] = run(rule(weight_decay=0.0), w, [zeros, zeros])
    assert found.pop("w").tolist() == [1.5, -2.0]
    found.pop("u", None)  # of Adamax, which contains eps
    assert all(not array.any() for array in found.values())


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_state_saved_in_the_middle_continues_with_the_same_bits(
    variant: Variant, backend: Backend, dtype: str, on_host: Callable[[Any], Any], same_bits: Callable[[Any, Any], bool]
) -> None:
    w, gradients = problem(6, (2, 3), 12, dtype)
    params = backend.asarray(w)
    state = variant.make().init(params)
    for number, g in enumerate(gradients):
        if number == 7:
            saved = on_host([params, state])
        params, state = variant.make().update(params, backend.asarray(g), state)
    again, loaded = saved
    again, loaded = backend.asarray(again), {k: v if k == "t" else backend.asarray(v) for k, v in loaded.items()}
    for g in gradients[7:]:
        again, loaded = variant.make().update(again, backend.asarray(g), loaded)
    assert same_bits(on_host([again, loaded]), on_host([params, state]))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("shape", [(), (1, 0, 2), (2, 3), (1_000_000,)], ids=str)
def test_a_step_is_the_pure_update_in_place(
    variant: Variant, backend: Backend, dtype: str, shape: tuple[int, ...]
) -> None:
    """Compare the results for every execution: as a compiled loop, as one kernel, or operation by operation."""
    w, gradients = problem(5, shape, 2, dtype)
    pure, in_place = variant.make(), variant.make()
    params, parameter = backend.asarray(w), Parameter("w", backend.asarray(w.copy()))
    state = pure.init(params)
    for g in gradients:
        params, state = pure.update(params, backend.asarray(g), state)
        parameter.gradient = g
        in_place.step([parameter])
    found = {"w": parameter.value} | {slot: in_place.state[slot]["w"] for slot in in_place.slots}
    for name, array in found.items():
        expected = {**state, "w": params}[name]
        assert (array.shape, array.dtype, array.device) == (expected.shape, expected.dtype, expected.device)
        numbers, wanted = backend.to_numpy(array), backend.to_numpy(expected)
        np.testing.assert_allclose(numbers, wanted, rtol=1e4 * np.finfo(dtype).eps, atol=1e2 * np.finfo(dtype).eps)
