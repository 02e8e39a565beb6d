"""Kernels that CuPy generates, compared with NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
REALS = ["float32", "float64"]
TOLERANCE = {"float32": 3e-7, "float64": 1e-15}


def sample(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    """Return numbers of both signs if the dtype has them, without zeros except False."""
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    sizes = random.uniform(0.25, 3.0, shape) if dtype in REALS else random.integers(1, 100, shape)
    numbers: np.ndarray = np.asarray(sizes if dtype == "uint8" else sizes * random.choice([-1, 1], shape))
    return numbers.astype(dtype)


BINARY: dict[str, Callable[..., Any]] = {
    "add": lambda xp, a, b: a + b,
    "multiply": lambda xp, a, b: a * b,
    "maximum": lambda xp, a, b: xp.maximum(a, b),
    "minimum": lambda xp, a, b: xp.minimum(a, b),
    "less": lambda xp, a, b: a < b,
    "equal": lambda xp, a, b: a == b,
    "where": lambda xp, a, b: xp.where(a > b, a, b),
}
OF_NUMBERS: dict[str, Callable[..., Any]] = {
    "subtract": lambda xp, a, b: a - b,
    "divide": lambda xp, a, b: a / b,
    "floor_divide": lambda xp, a, b: a // b,
    "remainder": lambda xp, a, b: a % b,
    "sign": lambda xp, a, b: xp.sign(a),
    "abs": lambda xp, a, b: xp.abs(a),
    "square": lambda xp, a, b: a**2,
    "clip": lambda xp, a, b: xp.clip(a, 1, 5),
}


CASES = [(name, dtype) for name in [*BINARY, *OF_NUMBERS] for dtype in DTYPES if name in BINARY or dtype != "bool"]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_elementwise(cupy: Any, dtype: str, name: str) -> None:
    function = (BINARY | OF_NUMBERS)[name]
    a, b = sample(dtype, 5, 61), sample(dtype, 61, seed=1)
    found, wanted = function(cupy, cupy.asarray(a), cupy.asarray(b)), function(np, a, b)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found.get(), wanted, rtol=TOLERANCE.get(dtype, 1e-15), atol=TOLERANCE.get(dtype, 0))


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_bitwise(cupy: Any, dtype: str) -> None:
    a, b = sample(dtype, 100), sample(dtype, 100, seed=1)
    for function in (np.bitwise_and, np.bitwise_or, np.bitwise_xor):
        found = getattr(cupy, function.__name__)(cupy.asarray(a), cupy.asarray(b))
        np.testing.assert_array_equal(found.get(), function(a, b))


FUNCTIONS = ["exp", "log", "sqrt", "tanh", "sin", "cos", "expm1", "log1p", "floor", "ceil", "rint", "trunc", "arctan"]
FUNCTIONS += ["isnan", "isfinite", "exp2", "log2", "cbrt", "reciprocal"]


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_real_numbers(cupy: Any, dtype: str, name: str) -> None:
    x = np.concatenate([np.linspace(0.01, 40, 400), [1e-6, 300.0, 12345.0]]).astype(dtype)
    with np.errstate(over="ignore"):
        wanted = getattr(np, name)(x)
    found = getattr(cupy, name)(cupy.asarray(x)).get()
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=10 * TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", REALS)
def test_powers_and_arcs_of_two_numbers(cupy: Any, dtype: str) -> None:
    a, b = np.abs(sample(dtype, 200)), sample(dtype, 200, seed=1)
    for name in ("power", "arctan2", "hypot", "fmod", "copysign", "logaddexp", "nextafter"):
        found = getattr(cupy, name)(cupy.asarray(a), cupy.asarray(b)).get()
        np.testing.assert_allclose(found, getattr(np, name)(a, b), rtol=20 * TOLERANCE[dtype], err_msg=name)


def assert_reduces_as_numpy(cupy: Any, x: np.ndarray, names: tuple[str, ...], axis: int | None) -> None:
    for name in names:
        found, wanted = (getattr(xp, name)(array, axis=axis) for xp, array in ((cupy, cupy.asarray(x)), (np, x)))
        assert found.dtype == wanted.dtype, name
        tolerance = 1e-6 if x.dtype == "float32" else 1e-12
        np.testing.assert_allclose(found.get(), wanted, rtol=tolerance, atol=tolerance * np.sqrt(x.size), err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [None, 1])
def test_reductions_of_every_dtype(cupy: Any, dtype: str, axis: int | None) -> None:
    assert_reduces_as_numpy(cupy, sample(dtype, 3, 700), ("sum", "max", "argmax", "mean"), axis)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (512,), (513,), (70_000,), (2, 700, 3), (300, 1)], ids=str)
def test_reductions_of_any_length_and_axis(cupy: Any, shape: tuple[int, ...]) -> None:
    for axis in (None, *range(len(shape))):
        assert_reduces_as_numpy(cupy, sample("float32", *shape), ("sum", "max", "argmax"), axis)


@pytest.mark.parametrize("name", ["min", "argmin", "any", "all", "prod", "count_nonzero", "nanmax"])
def test_other_reductions(cupy: Any, name: str) -> None:
    assert_reduces_as_numpy(cupy, sample("float64", 70) / 2, (name,), None)


@pytest.mark.parametrize("dtype", REALS)
def test_reductions_over_columns_and_several_axes(cupy: Any, dtype: str) -> None:
    x = sample(dtype, 6, 5, 40)
    for axes in ((0, 1), (0, 2), (1, 2)):
        found = cupy.asarray(x).transpose(2, 0, 1).sum(axis=axes, keepdims=True)
        np.testing.assert_allclose(
            found.get(), x.transpose(2, 0, 1).sum(axis=axes, keepdims=True), rtol=1e-5, atol=1e-5
        )
    np.testing.assert_allclose(cupy.cumsum(cupy.asarray(x), axis=1).get(), np.cumsum(x, axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(cupy.var(cupy.asarray(x)).get(), np.var(x), rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_indexing(cupy: Any, dtype: str) -> None:
    x, order = sample(dtype, 50, 3, 2), np.random.default_rng(0).permutation(50)
    on_device, places = cupy.asarray(x), cupy.asarray(order)
    np.testing.assert_array_equal(cupy.take(on_device, places, axis=0).get(), x[order])
    np.testing.assert_array_equal(on_device[places[:7]].get(), x[order[:7]])
    np.testing.assert_array_equal(on_device[5:40:3, ::-1, 1].get(), x[5:40:3, ::-1, 1])
    np.testing.assert_array_equal(on_device[cupy.asarray(order > 25)].get(), x[order > 25])
    on_device[places[:4]] = on_device[places[4:8]]
    x[order[:4]] = x[order[4:8]]
    on_device[10:20, 1] = 1
    x[10:20, 1] = 1
    np.testing.assert_array_equal(on_device.get(), x)
    np.testing.assert_array_equal(
        cupy.concatenate([on_device, on_device], axis=1).get(), np.concatenate([x, x], axis=1)
    )


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_casts(cupy: Any, source: str, target: str) -> None:
    x = np.abs(sample(source, 300)) if target == "uint8" else sample(source, 300)
    found = cupy.asarray(x).astype(target)
    assert found.dtype == target
    np.testing.assert_array_equal(found.get(), x.astype(target))


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ("float32", "int32", [0, -(2**31), 2**31 - 1, 2**31 - 1, -2]),
        ("float64", "int32", [-(2**31), -(2**31), 2**31 - 1, 2**31 - 1, -2]),
        ("float32", "int64", [-(2**63), -(2**63), 2**63 - 1, 2**60, -2]),
        ("float32", "uint32", [0, 0, 2**32 - 1, 2**32 - 1, 0]),
    ],
)
def test_numbers_outside_an_integer_type_end_at_its_limits(
    cupy: Any, source: str, target: str, wanted: list[int]
) -> None:
    x = cupy.asarray(np.array([np.nan, -np.inf, np.inf, 2.0**60, -2.75], source))
    np.testing.assert_array_equal(x.astype(target).get(), np.array(wanted, target))


def test_subnormal_float32_becomes_zero_and_float64_stays(cupy: Any) -> None:
    for dtype, small, kept in (("float32", 1e-30, False), ("float64", 1e-300, True)):
        product = cupy.full(3, small, dtype) * cupy.full(3, 1e-10, dtype)
        assert product.get().all() == kept


EDGES = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0], np.float32)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "minimum", "less", "equal"])
def test_nan_and_infinity_spread_as_in_numpy(cupy: Any, name: str) -> None:
    x = cupy.asarray(EDGES)
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(EDGES[:, None], EDGES)
    np.testing.assert_array_equal(getattr(cupy, name)(x[:, None], x).get(), wanted)


@pytest.mark.parametrize("dtype", REALS)
def test_fused_function_with_several_results_is_one_kernel(cupy: Any, dtype: str) -> None:
    import cupy_on_cpu

    def rule(xp: Any, w: Any, g: Any, v: Any, rate: Any) -> tuple[Any, Any]:
        v = v * rate + g * g
        return w - rate * g / (xp.sqrt(v) + rate), v

    @cupy.fuse()  # type: ignore[untyped-decorator, unused-ignore]
    def update(w: Any, g: Any, v: Any, rate: Any) -> None:
        new_w, new_v = rule(cupy, w, g, v, rate)
        w[...] = new_w
        v[...] = new_v

    w, g = sample(dtype, 1000), sample(dtype, 1000, seed=1)
    v, rate = np.abs(sample(dtype, 1000, seed=2)), np.dtype(dtype).type(0.5)
    arrays = [cupy.asarray(array) for array in (w, g, v)]
    cupy_on_cpu.reset_counts()
    update(*arrays, rate)
    assert cupy_on_cpu.counts().launches == 1
    wanted_w, wanted_v = rule(np, w, g, v, rate)
    np.testing.assert_allclose(arrays[0].get(), wanted_w, rtol=4 * TOLERANCE[dtype])
    np.testing.assert_allclose(arrays[2].get(), wanted_v, rtol=4 * TOLERANCE[dtype])


def test_elementwise_kernel(cupy: Any) -> None:
    kernel = cupy.ElementwiseKernel(
        "T w, T g, T rate", "T after, bool moved", "after = w - rate * g; moved = after != w", "tested"
    )
    w, g = sample("float32", 300), sample("float32", 300, seed=1)
    g[::3] = 0
    after, moved = kernel(cupy.asarray(w), cupy.asarray(g), np.float32(0.25))
    np.testing.assert_allclose(after.get(), w - np.float32(0.25) * g, rtol=1e-6)
    np.testing.assert_array_equal(moved.get(), g != 0)


def test_raw_kernel_with_blocks_of_several_dimensions_and_dynamic_shared_memory(cupy: Any) -> None:
    kernel = cupy.RawKernel(
        """
        extern "C" __global__ void transpose(const float* x, float* y, int rows, int columns) {
            extern __shared__ float tile[];
            int row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
            int here = threadIdx.y * blockDim.x + threadIdx.x;
            bool inside = row < rows && column < columns;
            if (inside) tile[here] = x[row * columns + column];
            __syncthreads();
            if (inside) y[column * rows + row] = tile[here];
        }
        """,
        "transpose",
    )
    x = sample("float32", 37, 50)
    y = cupy.zeros((50, 37), "float32")
    kernel((4, 5), (16, 8), (cupy.asarray(x), y, np.int32(37), np.int32(50)), shared_mem=16 * 8 * 4)
    np.testing.assert_array_equal(y.get(), x.T)


def test_atomic_sum_and_shuffles_in_a_raw_kernel(cupy: Any) -> None:
    kernel = cupy.RawKernel(
        """
        extern "C" __global__ void sum(const int* x, int* total, int n) {
            int i = blockIdx.x * blockDim.x + threadIdx.x, value = i < n ? x[i] : 0;
            for (int width = 16; width; width /= 2) value += __shfl_down_sync(~0u, value, width);
            if (threadIdx.x % 32 == 0) atomicAdd(total, value);
        }
        """,
        "sum",
    )
    x, total = sample("int32", 1000), cupy.zeros(1, "int32")
    kernel((8,), (128,), (cupy.asarray(x), total, np.int32(1000)))
    assert total.get() == x.sum()
