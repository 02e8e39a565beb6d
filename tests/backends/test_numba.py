"""Loops compiled by numba: they agree with NumPy, and functions that cannot be compiled run without numba."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, activations, get_backend, losses
from cutedl_xp.backends import numpy as numpy_backend
from cutedl_xp.optimizers import Optimizer
from optimizer_table import VARIANTS

Array = Any
RULES = [variant.make() for variant in VARIANTS]

with_numba = pytest.mark.skipif(numpy_backend._import_loops() is None, reason="numba is not installed")


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> Backend:
    monkeypatch.delenv("CUTEDL_XP_FUSED", raising=False)
    return get_backend("numpy")


@pytest.fixture
def unfused(monkeypatch: pytest.MonkeyPatch) -> Backend:
    monkeypatch.setenv("CUTEDL_XP_FUSED", "0")
    backend = get_backend("numpy")
    assert not backend.fused
    return backend


@pytest.fixture(autouse=True)
def _loops_are_looked_for_anew() -> Iterator[None]:
    numpy_backend._import_loops.cache_clear()
    yield
    numpy_backend._import_loops.cache_clear()


def plus(xp: Any, w: Array, g: Array, amount: float) -> tuple[Array, ...]:
    return (w + amount * g,)


def of_four_states(xp: Any, w: Array, g: Array, a: Array, b: Array, c: Array, d: Array) -> tuple[Array, ...]:
    return w + g, a + b, b, c, d


def that_numba_refuses(xp: Any, w: Array, g: Array, amount: float) -> tuple[Array, ...]:
    return (xp.astype(w + amount * g, w.dtype),)


@with_numba
@pytest.mark.parametrize("optimizer", RULES, ids=map(str, VARIANTS))
@pytest.mark.parametrize("shape", [(), (0,), (7,), (1, 0, 2), (3, 4), (40_000,)], ids=str)
def test_compiled_rules_compute_what_numpy_does(
    fused: Backend, unfused: Backend, optimizer: Optimizer, dtype: str, shape: tuple[int, ...]
) -> None:
    random = np.random.default_rng(0)
    start = [np.asarray(random.uniform(0.1, 1.0, shape), dtype) for _ in range(2 + len(optimizer.slots))]
    there, here = ([array.copy() for array in start] for _ in range(2))
    for t in (1, 2, 30):
        for backend, arrays in ((fused, there), (unfused, here)):
            renewed = backend.apply_rule(optimizer.rule, arrays, optimizer.scalars(t), 0.25, donate=True)
            assert all(new is old for new, old in zip(renewed, [arrays[0], *arrays[2:]], strict=True))
    for found, wanted in zip(there, here, strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(there[1], start[1])


@with_numba
def test_every_public_rule_is_compiled(fused: Backend) -> None:
    for optimizer in RULES:
        sizes = 2 + len(optimizer.slots), len(optimizer.scalars(1))
        assert fused._loops.loop_over(optimizer.rule, *sizes, np.dtype("float32")) is not None


@with_numba
@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_arrays_of_any_layout_are_updated(fused: Backend, order: str) -> None:
    w, g = (np.ones((6, 4)) for _ in range(2))
    if order == "strided":
        w, g = w[::2], g[::2]
    elif order == "F":
        w, g = np.asfortranarray(w), np.asfortranarray(g)
    fused.apply_rule(plus, [w, g], [2.0], donate=True)
    assert (w == 3.0).all()


@with_numba
def test_functions_that_cannot_be_compiled_run_in_numpy(fused: Backend) -> None:
    seen = []

    def rule(xp: Any, w: Array, g: Array, amount: float) -> tuple[Array, ...]:
        seen.append(w.size)
        return (w + amount * g,)

    w = np.ones(3)
    fused.apply_rule(rule, [w, w.copy()], [2.0], donate=True)
    assert (w.tolist(), seen) == ([3.0, 3.0, 3.0], [3])
    arrays = [np.ones(3) for _ in range(6)]
    fused.apply_rule(of_four_states, arrays, [], donate=True)
    assert arrays[2].tolist() == [2.0, 2.0, 2.0]


@with_numba
def test_a_rule_that_numba_refuses_is_named_once(fused: Backend) -> None:
    w, g = np.ones(3), np.ones(3)
    with pytest.warns(UserWarning, match=r"^numba cannot compile that_numba_refuses \(.*\), so it runs in NumPy$"):
        fused.apply_rule(that_numba_refuses, [w, g], [2.0], donate=True)
    fused.apply_rule(that_numba_refuses, [w, g], [2.0], donate=True)
    assert w.tolist() == [5.0, 5.0, 5.0]


@with_numba
@pytest.mark.parametrize("shape", [(1, 1), (1, 10), (64, 10), (3, 300)], ids=str)
def test_softmax_crossentropy_in_one_pass_is_the_default(
    fused: Backend, unfused: Backend, dtype: str, shape: tuple[int, ...]
) -> None:
    random = np.random.default_rng(1)
    y, z = random.dirichlet(np.ones(shape[1]), shape[0]).astype(dtype), random.normal(0, 5, shape).astype(dtype)
    value, gradient = fused.softmax_crossentropy(y, z, 0.25)
    expected, expected_gradient = unfused.softmax_crossentropy(y, z, 0.25)
    epsilon = np.finfo(dtype).eps
    assert value.dtype == gradient.dtype == dtype
    np.testing.assert_allclose(value, expected, rtol=20 * epsilon)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=50 * epsilon, atol=epsilon)


@with_numba
@pytest.mark.parametrize("numbers", [[[np.inf, 0.0]], [[np.nan, 0.0]], [[0.0, np.nan]], [[-1e4, 1e4]]], ids=str)
def test_softmax_crossentropy_of_odd_numbers_is_the_default(
    fused: Backend, unfused: Backend, dtype: str, numbers: list[list[float]]
) -> None:
    y, z = np.asarray([[1.0, 0.0]], dtype), np.asarray(numbers, dtype)
    with np.errstate(all="ignore"):
        expected = unfused.softmax_crossentropy(y, z, 1.0)
    for found, wanted in zip(fused.softmax_crossentropy(y, z, 1.0), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@with_numba
@pytest.mark.parametrize("name", activations.ACTIVATIONS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (0, 3), (64, 10)], ids=str)
def test_activations_and_their_derivatives_are_those_of_numpy(
    fused: Backend, unfused: Backend, dtype: str, name: str, shape: tuple[int, int]
) -> None:
    activation, random = activations.get(name), np.random.default_rng(3)
    x, gradient = (random.normal(0, 2, shape).astype(dtype) for _ in range(2))
    bias = random.normal(size=shape[1]).astype(dtype)
    found, wanted = (each.add_bias(x.copy(), bias, activation.function) for each in (fused, unfused))
    totals = [np.full(shape[1], 7.0, dtype) for _ in range(2)]
    (found_back, found_total), (wanted_back, wanted_total) = (
        each.add_bias_backward(activation.backward, wanted, gradient, total)
        for each, total in zip((fused, unfused), totals, strict=True)
    )
    assert found_total is totals[0]
    for result, expected in ((found, wanted), (found_back, wanted_back), (found_total, wanted_total)):
        assert result.dtype == dtype
        np.testing.assert_allclose(result, expected, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


@with_numba
def test_relu_is_compiled_and_functions_with_exponentials_are_not(fused: Backend) -> None:
    compiled = {
        name
        for name, each in activations.ACTIVATIONS.items()
        if fused._loops.loop_over_sums(each.function, np.dtype("float32"))
    }
    assert compiled == {"linear", "relu", "leaky_relu"}
    backward = {
        name
        for name, each in activations.ACTIVATIONS.items()
        if fused._loops.loop_over_pairs(each.backward, np.dtype("float32"))
    }
    assert backward == set(activations.ACTIVATIONS) - {"gelu", "silu", "softplus", "softmax"}


@with_numba
@pytest.mark.parametrize("other", [(3,), (1, 3), (2, 1), ()], ids=str)
def test_arrays_of_two_shapes_are_broadcast_as_numpy_does(fused: Backend, other: tuple[int, ...]) -> None:
    y, gradient = np.ones((2, 3)), np.full(other, 2.0)
    found, total = fused.add_bias_backward(activations.relu_backward, y, gradient, np.empty(3))
    np.testing.assert_array_equal(found, np.full((2, 3), 2.0))
    np.testing.assert_array_equal(total, np.full(3, 4.0))


@with_numba
def test_the_sum_is_never_written_beyond_its_place(fused: Backend) -> None:
    y = np.ones((4, 6))
    with pytest.raises(ValueError, match="broadcast"):
        fused.add_bias_backward(activations.relu_backward, y, y, np.zeros(2))


@with_numba
def test_without_a_place_for_the_sum_it_is_a_new_array(fused: Backend) -> None:
    found, total = fused.add_bias_backward(activations.relu_backward, np.ones((2, 3)), np.ones((2, 3)))
    assert (found.tolist(), total.tolist()) == ([[1.0] * 3] * 2, [2.0] * 3)


def with_a_default(xp: Any, w: Array, g: Array, lr: float, decay: float = 0.0) -> tuple[Array, ...]:
    return (w - lr * (g + decay * w),)


@with_numba
def test_a_loop_belongs_to_the_number_of_scalars(fused: Backend) -> None:
    w, decayed = np.ones(3), np.ones(3)
    fused.apply_rule(with_a_default, [w, np.ones(3)], [0.1], donate=True)
    fused.apply_rule(with_a_default, [decayed, np.ones(3)], [0.1, 0.5], donate=True)
    np.testing.assert_allclose([w[0], decayed[0]], [0.9, 0.85])


@with_numba
def test_a_loop_on_the_disk_is_identified_by_its_whole_formula(fused: Backend) -> None:
    def of(factor: float, inner: float) -> Any:
        def formula(x: float, by: float = factor) -> list[float]:
            return [each * 2.0 for each in (x, by)]

        return formula if inner == 2.0 else lambda x, by=factor: [each * 3.0 for each in (x, by)]

    fingerprint = fused._loops._fingerprint
    assert fingerprint(of(1.0, 2.0)) == fingerprint(of(1.0, 2.0))
    different = {fingerprint(of(factor, inner)) for factor in (1.0, 5.0) for inner in (2.0, 3.0)}
    assert len(different | {fingerprint(of(1.0, 2.0), count=3)}) == 5


@with_numba
def test_closures_run_in_numpy_whatever_they_are_called(fused: Backend) -> None:
    def minus(k: float) -> Any:
        def rule(xp: Any, w: Array, g: Array) -> tuple[Array, ...]:
            return (w - k * g,)

        rule.__qualname__ = "rule"
        return rule

    for k in (1.0, 3.0):
        w = np.ones(3)
        fused.apply_rule(minus(k), [w, np.ones(3)], [], donate=True)
        assert w.tolist() == [1.0 - k] * 3


@with_numba
@pytest.mark.parametrize("name", ["float16", "longdouble", ">f4", "int32"])
def test_other_dtypes_run_in_numpy(fused: Backend, unfused: Backend, name: str) -> None:
    x = np.arange(6).reshape(2, 3).astype(name)
    for dtype in (name, "float32"):
        y, derivative = x.astype(dtype), activations.relu_backward
        pairs = [each.add_bias_backward(derivative, y, x, np.empty(3, dtype)) for each in (fused, unfused)]
        for found, wanted in zip(*pairs, strict=True):
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found, wanted)
    scaled = [each.convert(x, np.dtype("float32"), 0.5) for each in (fused, unfused)]
    np.testing.assert_array_equal(*scaled)
    if name != "int32":
        results = [each.softmax_crossentropy(np.eye(2, 3).astype(name), x, 0.5) for each in (fused, unfused)]
        for found, wanted in zip(*results, strict=True):
            np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(*(each.add_bias(x.copy(), x[0], activations.relu) for each in (fused, unfused)))


@with_numba
def test_labels_of_another_shape_are_never_read_beyond_their_end(fused: Backend) -> None:
    with pytest.raises(ValueError, match="broadcast"):
        fused.softmax_crossentropy(np.ones((4, 3)), np.ones((4, 6)), 1.0)


@with_numba
@pytest.mark.parametrize("source", ["bool", "uint8", "int64", "float64", "float32"])
def test_scaling_while_converting_is_that_of_numpy(fused: Backend, unfused: Backend, dtype: str, source: str) -> None:
    array = np.random.default_rng(2).uniform(0, 255, (5, 3, 2)).astype(source)
    for each in (array, array[:, ::2], array.T):
        found = fused.convert(each, fused.dtype(dtype), 1 / 255)
        np.testing.assert_array_equal(found, unfused.convert(each, fused.dtype(dtype), 1 / 255))
        assert found.dtype == dtype


@with_numba
def test_where_nothing_can_be_kept_it_is_compiled_at_every_start(
    fused: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_a_folder(function: Any) -> Any:
        raise RuntimeError("cannot cache function: no locator available for file")

    from cutedl_xp.backends import _numba_cache

    monkeypatch.setattr(_numba_cache.RepairingCache, "__init__", lambda self, function: without_a_folder(function))
    monkeypatch.setattr(_numba_cache.RepairingCache, "warned", False)
    loops = fused._loops
    loops.LOOPS.clear()
    w = np.ones(3)
    with pytest.warns(RuntimeWarning, match=r"^numba's cache has no folder \(cannot cache function: .*\), so "):
        fused.apply_rule(plus, [w, w.copy()], [2.0], donate=True)
    loops.LOOPS.clear()
    assert w.tolist() == [3.0, 3.0, 3.0]


class TestWithout:
    def test_numba_not_installed(self, fused: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(numpy_backend.importlib.util, "find_spec", lambda name: None)
        assert fused._loops is None

    def test_numba_that_cannot_be_imported_is_named(self, fused: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(numpy_backend.importlib.util, "find_spec", lambda name: object())
        monkeypatch.setitem(sys.modules, "cutedl_xp.backends._numba", None)
        monkeypatch.delattr("cutedl_xp.backends._numba", raising=False)
        with pytest.warns(RuntimeWarning, match=r"^numba cannot be used \(.*\), so NumPy computes without it$"):
            fused.apply_rule(plus, [np.ones(2), np.ones(2)], [1.0], donate=True)
        fused.apply_rule(plus, [np.ones(2), np.ones(2)], [1.0], donate=True)

    def test_values_of_the_switch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for value, fused in (("0", False), ("1", True), ("", True)):
            monkeypatch.setenv("CUTEDL_XP_FUSED", value)
            assert get_backend("numpy").fused is fused
        monkeypatch.setenv("CUTEDL_XP_FUSED", "no")
        with pytest.raises(ValueError, match=r"^\$CUTEDL_XP_FUSED must be 1 .* or 0 .*; got 'no'$"):
            get_backend("numpy")


def test_a_loss_gives_an_array_of_its_dtype(fused: Backend, dtype: str) -> None:
    y, z = np.eye(3, dtype=dtype), np.zeros((3, 3), dtype)
    value, _ = losses.CategoricalCrossentropy()(y, z)
    assert isinstance(value, np.ndarray)
    assert (value.shape, value.dtype) == ((), dtype)


@pytest.mark.parametrize("value", ["0", "1"])
def test_with_and_without_fused_kernels_every_backend_computes_the_same(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, to_numpy: Callable[..., Any], value: str
) -> None:
    monkeypatch.setenv("CUTEDL_XP_FUSED", value)
    again = type(backend).of(backend.asarray([0.0]))
    assert again.fused is (value == "1")
    y, z, w, g = (again.asarray(np.random.default_rng(n).uniform(0.1, 1.0, (4, 3))) for n in range(4))
    _, gradient = again.softmax_crossentropy(y, z, 0.5)
    p = np.exp(to_numpy(z)) / np.exp(to_numpy(z)).sum(axis=1, keepdims=True)
    wanted = (p * to_numpy(y).sum(axis=1, keepdims=True) - to_numpy(y)) * 0.5
    np.testing.assert_allclose(to_numpy(gradient), wanted, rtol=1e-12)
    expected = to_numpy(w) + 2.0 * to_numpy(g)
    np.testing.assert_allclose(to_numpy(again.apply_rule(plus, [w, g], [2.0], donate=True)[0]), expected, rtol=1e-15)


def with_too_many_results(xp: Any, w: Array, g: Array) -> tuple[Array, ...]:
    return w, g


@with_numba
def test_a_rule_with_too_many_results_is_an_error(fused: Backend) -> None:
    with pytest.raises(ValueError, match="zip"):
        fused.apply_rule(with_too_many_results, [np.ones(3), np.ones(3)], [], donate=True)
