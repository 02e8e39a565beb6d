"""Methods of every backend, and the agreement of NumPy's overrides with the defaults."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import Backend, get_backend
from cutedl_xp.activations import relu_backward
from cutedl_xp.optimizers import Adadelta, Adam, Fixed, Momentum
from cutedl_xp.optimizers.rules.momentum import momentum_rule

Array = Any
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]


@pytest.fixture
def elsewhere(backend: Backend) -> list[Array]:
    """Return arrays that the backend does not own: of another library, and of its library on another device."""
    found = [get_backend(f"array_api_strict:{name}").asarray(np.zeros(2)) for name in ("CPU_DEVICE", "device2")]
    return [array for array in found if array.device != backend.device]


@pytest.mark.parametrize("name", DTYPES)
def test_numpy_array_keeps_its_dtype(backend: Backend, to_numpy: Callable[[Array], np.ndarray], name: str) -> None:
    given_array = np.array([[0, 1, 1]], dtype=name)
    array = backend.asarray(given_array)
    assert backend.owns(array)
    assert array.device == backend.device
    assert array.dtype == backend.dtype(name)
    back = to_numpy(array)
    assert type(back) is np.ndarray
    assert back.dtype == name
    np.testing.assert_array_equal(back, given_array)


def test_own_array_is_returned_unchanged(backend: Backend) -> None:
    array = backend.asarray(np.zeros(3))
    assert backend.asarray(array) is array
    assert backend.asarray(array, dtype="float64") is array
    assert backend.asarray(array, dtype=array.dtype) is array


@pytest.mark.parametrize(
    ("obj", "shape", "dtype"),
    [
        (1.5, (), "float32"),
        ([1.0, 2], (2,), "float32"),
        (((0.5,), (1.5,)), (2, 1), "float32"),
        ([], (0,), "float32"),
        (3, (), "int64"),
        ([[1, 2]], (1, 2), "int64"),
        ([True, False], (2,), "bool"),
        ([np.float64(0.5)], (1,), "float32"),
    ],
)
def test_numbers_and_nested_sequences_become_arrays(
    backend: Backend, obj: Any, shape: tuple[int, ...], dtype: str
) -> None:
    array = backend.asarray(obj)
    assert (array.shape, array.dtype, array.device) == (shape, backend.dtype(dtype), backend.device)


@pytest.mark.parametrize("source", [np.array([0.25, 2.75]), [0.25, 2.75]], ids=["NumPy array", "list"])
@pytest.mark.parametrize("name", ["float32", "float64", "int32"])
def test_asarray_converts_on_request(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], source: Any, name: str
) -> None:
    wanted = np.asarray(source).astype(name)
    for dtype in (name, np.dtype(name), getattr(np, name), getattr(backend.xp, name)):
        found = to_numpy(backend.asarray(source, dtype=dtype))
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("obj", [None, "text", {"a": 1}, [1j], object(), [None]])
def test_values_other_than_numbers_are_refused(backend: Backend, obj: Any) -> None:
    with pytest.raises(TypeError, match="`obj` must be real numbers, in an array or nested sequences; got "):
        backend.asarray(obj)


def test_sequences_of_unequal_lengths_are_refused(backend: Backend) -> None:
    with pytest.raises(ValueError, match="nested sequences of equal lengths"):
        backend.asarray([[1.0], [1.0, 2.0]])


def test_arrays_from_elsewhere_are_never_moved_silently(backend: Backend, elsewhere: list[Array]) -> None:
    assert elsewhere
    for array in elsewhere:
        assert not backend.owns(array)
        with pytest.raises(
            TypeError, match=r"`obj` is an array_api_strict array of dtype .*; move it to the host"
        ) as caught:
            backend.asarray(array)
        assert repr(backend) in str(caught.value)


@pytest.mark.parametrize("obj", [None, 1.0, [1.0], "text"])
def test_backend_owns_nothing_but_arrays(backend: Backend, obj: Any) -> None:
    assert not backend.owns(obj)


@pytest.mark.parametrize("name", DTYPES)
def test_dtype_is_the_librarys_own(backend: Backend, name: str) -> None:
    own = getattr(backend.xp, name)
    assert backend.dtype(name) == backend.dtype(np.dtype(name)) == backend.dtype(getattr(np, name)) == own
    assert backend.dtype(own) == own


@pytest.mark.parametrize(("given_type", "name"), [(float, "float64"), (int, np.dtype(int).name), (bool, "bool")])
def test_dtype_of_a_python_type(backend: Backend, given_type: type, name: str) -> None:
    assert backend.dtype(given_type) == backend.dtype(name)


@pytest.mark.parametrize("name", ["float16", "complex64", "single", "", "float31", np.float16, np.dtype("complex64")])
def test_other_dtypes_are_refused(backend: Backend, name: Any) -> None:
    with pytest.raises(ValueError, match=r"`dtype` must be one of 'bool', .*, 'float64'; got "):
        backend.dtype(name)


@pytest.mark.parametrize("obj", [3, None, ["float32"]])
def test_values_other_than_dtypes_are_refused(backend: Backend, obj: Any) -> None:
    with pytest.raises(TypeError, match=r"`dtype` must be a dtype of .* or its name; got "):
        backend.dtype(obj)


def test_to_numpy_copies_nothing_that_is_there() -> None:
    array = np.zeros(3)
    assert get_backend("numpy").to_numpy(array) is array
    assert type(get_backend("numpy").to_numpy(np.float32(1.0))) is np.ndarray


def test_matmul_is_the_matrix_product(backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str) -> None:
    a, b = (np.random.default_rng(seed).normal(size=shape).astype(dtype) for seed, shape in ((0, (4, 3)), (1, (3, 2))))
    left, right = backend.asarray(a), backend.asarray(b)
    close = {"rtol": 10 * np.finfo(dtype).eps}  # libraries sum in different orders
    np.testing.assert_allclose(to_numpy(backend.matmul(left, right)), a @ b, **close)
    out = backend.asarray(np.zeros((4, 2), dtype))
    found = backend.matmul(left, right, out=out)
    np.testing.assert_allclose(to_numpy(found), a @ b, **close)
    assert found.dtype == backend.dtype(dtype)


def test_matmul_writes_to_the_given_array() -> None:
    out = np.zeros((2, 2))
    assert get_backend("numpy").matmul(np.eye(2), np.full((2, 2), 3.0), out=out) is out
    assert (out == 3.0).all()


@pytest.mark.views
def test_write_copies_over_the_target(backend: Backend, to_numpy: Callable[[Array], np.ndarray]) -> None:
    target, source = (backend.asarray(np.full((2, 2), number)) for number in (0.0, 3.0))
    assert backend.write(target, source) is target
    source[...] = 4.0
    assert (to_numpy(target) == 3.0).all()


def test_convert_without_anything_to_do_is_the_same_array(backend: Backend, dtype: str) -> None:
    array = backend.asarray(np.zeros(3, dtype))
    assert backend.convert(array, backend.dtype(dtype), None) is array


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("scale", [None, 1 / 255, 0.1, 2.0])
def test_convert_computes_in_the_requested_dtype(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str, source: str, scale: float | None
) -> None:
    values = np.array([0, 1, 3, 127]).astype(source)
    before = backend.asarray(values.copy())
    found = backend.convert(before, backend.dtype(dtype), scale)
    wanted = values.astype(dtype) if scale is None else values.astype(dtype) * np.dtype(dtype).type(scale)
    assert found.dtype == backend.dtype(dtype)
    np.testing.assert_array_equal(to_numpy(found), wanted)
    np.testing.assert_array_equal(to_numpy(before), values)


@given(data=st.data())
def test_numpys_own_ways_equal_the_defaults_bit_for_bit(data: st.DataObject) -> None:
    numpy = get_backend("numpy")
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rows = random.uniform(0, 255, data.draw(st.tuples(*3 * [st.integers(1, 4)]))).astype(
        data.draw(st.sampled_from(DTYPES))
    )
    dtype = numpy.dtype(data.draw(st.sampled_from(["float32", "float64"])))
    scale = data.draw(st.none() | st.floats(1e-3, 1e3))
    a, b = rows[:, :, 0].astype(dtype), rows[:, :, 0].T.astype(dtype)
    for own, default in (
        (numpy.convert(rows, dtype, scale), Backend.convert(numpy, rows, dtype, scale)),
        (numpy.matmul(a, b), Backend.matmul(numpy, a, b)),
    ):
        assert own.dtype == default.dtype
        np.testing.assert_array_equal(own, default)


@pytest.mark.parametrize("shape", [(), (0,), (7,), (32_768,), (32_769,), (3, 16_384), (70_001,)])
@pytest.mark.parametrize("optimizer", [Fixed(), Momentum(), Adadelta(), Adam()], ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("order", ["C", "F"])
def test_rule_in_blocks_equals_the_rule_at_once_bit_for_bit(shape: tuple[int, ...], optimizer: Any, order: Any) -> None:
    numpy, random = get_backend("numpy"), np.random.default_rng(0)
    arrays = [np.asarray(random.uniform(0.0, 1.0, shape), order=order) for _ in range(2 + len(optimizer.slots))]
    in_blocks, at_once = ([array.copy(order="K") for array in arrays] for _ in range(2))
    numpy.apply_rule(optimizer.rule, in_blocks, optimizer.scalars(3), donate=True)
    Backend.apply_rule(numpy, optimizer.rule, at_once, optimizer.scalars(3), donate=True)
    for found, wanted in zip(in_blocks, at_once, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_long_arrays_are_given_to_the_rule_in_blocks_that_cover_them_once() -> None:
    sizes = []

    def rule(xp: Any, w: Array, g: Array, add: float) -> tuple[Array, ...]:
        sizes.append(w.size)
        return (w + g + add,)

    w = np.zeros((5, 10_000))
    get_backend("numpy").apply_rule(rule, [w, np.ones_like(w)], [2.0], donate=True)
    assert (w == 3.0).all()
    assert sum(sizes) == w.size
    assert max(sizes) <= 32_768


def test_apply_rule_renews_w_and_state_in_place_where_it_can_and_leaves_the_gradient(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str
) -> None:
    def rule(xp: Any, w: Array, g: Array, first: Array, second: Array, factor: float) -> tuple[Array, ...]:
        assert xp.maximum is backend.xp.maximum
        return w - factor * g, first + 1.0, second + 2.0

    arrays = [backend.asarray(np.full((2, 3), number, dtype)) for number in (10.0, 1.0, 20.0, 30.0)]
    w, g, *state = arrays
    renewed = backend.apply_rule(rule, arrays, [4.0], donate=True)
    if backend.has_views:
        assert all(new is old for new, old in zip(renewed, (w, *state), strict=True))
    for array, number in zip((*renewed, g), (6.0, 21.0, 32.0, 1.0), strict=True):
        assert array.dtype == backend.dtype(dtype)
        assert (to_numpy(array) == number).all()


@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3), (40_000,)], ids=str)
def test_results_of_a_rule_are_new_arrays(
    backend: Backend,
    to_numpy: Callable[[Array], np.ndarray],
    unchanged: Callable[..., Any],
    dtype: str,
    shape: tuple[int, ...],
    decay: float,
) -> None:
    random = np.random.default_rng(0)
    numbers = [np.asarray(random.normal(size=shape), dtype) for _ in range(3)]
    arrays, written = ([backend.asarray(each.copy()) for each in numbers] for _ in range(2))
    with unchanged(*arrays):
        results = backend.apply_rule(momentum_rule, arrays, [0.1, 0.9], decay)
    for result, wanted in zip(
        results, backend.apply_rule(momentum_rule, written, [0.1, 0.9], decay, donate=True), strict=True
    ):
        assert (result.shape, result.dtype, result.device) == (shape, backend.dtype(dtype), backend.device)
        np.testing.assert_allclose(to_numpy(result), to_numpy(wanted), rtol=10 * np.finfo(dtype).eps)
        assert all(result is not array for array in arrays)
        if backend.name == "numpy":
            assert not any(np.shares_memory(result, array) for array in arrays)


def test_results_of_a_rule_whatever_the_order_in_memory(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str
) -> None:
    w, g, v = (np.asarray(np.random.default_rng(seed).normal(size=(3, 4)), dtype) for seed in range(3))
    plain = backend.apply_rule(momentum_rule, [backend.asarray(each) for each in (w, g, v)], [0.1, 0.9])
    turned = [backend.asarray(each.T.copy()).T for each in (w, g, v)]
    strided = [backend.asarray(np.repeat(each, 2, axis=1))[:, ::2] for each in (w, g, v)]
    for arrays in (turned, strided):
        for result, wanted in zip(backend.apply_rule(momentum_rule, arrays, [0.1, 0.9]), plain, strict=True):
            np.testing.assert_array_equal(to_numpy(result), to_numpy(wanted))


def asks(xp: Any, w: Array, g: Array, lr: float) -> tuple[Array, ...]:
    return (w - lr * g if lr > 0.0 else w,)


def test_a_rule_that_is_made_again_each_time_runs_unchanged(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray]
) -> None:
    for factor in (1.0, 2.0):
        arrays = [backend.asarray(np.asarray([1.0, 2.0])) for _ in range(2)]

        def rule(xp: Any, w: Array, g: Array, lr: float, factor: float = factor) -> tuple[Array, ...]:
            return asks(xp, w, factor * g, lr)

        for results in (backend.apply_rule(rule, arrays, [0.5]), backend.apply_rule(rule, arrays, [0.5], donate=True)):
            assert to_numpy(results[0]).tolist() == [1.0 - 0.5 * factor, 2.0 - factor]


def test_rule_with_too_few_results_is_an_error(backend: Backend) -> None:
    arrays = [backend.asarray(np.zeros(2)) for _ in range(3)]
    for donate in (False, True):
        with pytest.raises(ValueError, match="zip"):
            backend.apply_rule(lambda xp, w, g, s: (w,), arrays, [], donate=donate)


@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (0, 2)], ids=str)
def test_without_subnormals_keeps_every_other_number(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str, shape: tuple[int, ...]
) -> None:
    smallest = np.finfo(dtype).smallest_normal
    numbers = np.asarray([smallest, -smallest, -1.0, np.inf, np.nan, 0.0], dtype)
    numbers = numbers[: int(np.prod(shape))].reshape(shape)
    np.testing.assert_array_equal(to_numpy(backend.without_subnormals(backend.asarray(numbers.copy()))), numbers)


def test_without_subnormals_they_are_0(backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str) -> None:
    if backend.name in ("cupy", "jax"):
        pytest.skip("a GPU computes with them as fast as with others, and XLA on a CPU with 0 in their place")
    numbers = np.full((7, 10_000), 1.0, dtype)
    numbers[:, ::3], numbers[2:, 1::7] = np.finfo(dtype).smallest_subnormal, -np.finfo(dtype).smallest_normal / 2
    expected = np.where(np.abs(numbers) < 0.5, 0.0, numbers)
    for order in ("C", "F"):
        array = backend.asarray(np.asarray(numbers, order=order).copy(order="K"))
        found = backend.without_subnormals(array)
        assert found is array or not backend.has_views
        np.testing.assert_array_equal(to_numpy(found), expected)


def test_add_bias_backward_is_the_derivative_and_its_sum(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str
) -> None:
    random = np.random.default_rng(4)
    y, gradient = (random.normal(size=(5, 3)).astype(dtype) for _ in range(2))
    expected = np.where(y > 0, gradient, 0.0)
    for out in (None, backend.asarray(np.full(3, 7.0, dtype))):
        dz, total = backend.add_bias_backward(relu_backward, backend.asarray(y), backend.asarray(gradient), out)
        np.testing.assert_array_equal(to_numpy(dz), expected)
        np.testing.assert_allclose(to_numpy(total), expected.sum(axis=0), rtol=1e2 * np.finfo(dtype).eps)
        assert total is out or out is None or backend.name in ("jax", "array_api_strict", "torch")


SQUARED = {
    "no entry": [np.zeros((3, 0))],
    "zeros": [np.zeros(3)],
    "a number": [np.asarray(-2.0)],
    "several arrays": [np.linspace(-1.0, 1.0, 600).reshape(30, 4, 5), np.zeros((0,)), np.asarray(3.0)],
    "large numbers": [np.asarray([3e20, -4e20]), np.asarray([1e20])],
    "small numbers": [np.asarray([3e-30, 4e-30])],
}


@pytest.mark.parametrize("arrays", SQUARED.values(), ids=SQUARED)
def test_scaled_squares_give_the_norm_of_all_entries(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str, arrays: list[np.ndarray]
) -> None:
    given = [
        array.astype(dtype) * (1e180 if dtype == "float64" and abs(array).max(initial=0) > 1e19 else 1)
        for array in arrays
    ]
    scale, squares = backend.scaled_squares([backend.asarray(array) for array in given])
    assert (squares.shape, squares.dtype) == ((), backend.dtype(dtype))
    found = to_numpy(scale * backend.xp.sqrt(squares))
    exact = math.hypot(*[float(number) for array in given for number in array.reshape(-1)])
    np.testing.assert_allclose(found, exact, rtol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_scaled_squares_of_numbers_that_are_not_finite_are_not_finite(backend: Backend, number: float) -> None:
    scale, squares = backend.scaled_squares([backend.asarray(np.asarray([1.0, number], "float32"))])
    assert not np.isfinite(backend.to_numpy(scale * backend.xp.sqrt(squares)))


def test_a_copy_has_its_own_memory(backend: Backend, to_numpy: Callable[[Array], np.ndarray]) -> None:
    array = backend.asarray(np.arange(6.0).reshape(2, 3))
    copied = backend.copy(array)
    assert backend.owns(copied)
    if backend.has_views:
        array[...] = 7.0
    assert to_numpy(copied).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_synchronize_returns_nothing(backend: Backend) -> None:
    assert backend.synchronize() is None
