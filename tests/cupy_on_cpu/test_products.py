"""Matrix products: each is one call of the emulated cuBLAS, for every layout of its factors."""

import importlib
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu
from cupy_on_cpu.errors import Unsupported

LAYOUTS: dict[str, Callable[..., Any]] = {
    "rows": lambda xp, x: xp.ascontiguousarray(x),
    "columns": lambda xp, x: xp.asfortranarray(x),
    "transposed": lambda xp, x: xp.ascontiguousarray(x.T).T,
    "part": lambda xp, x: xp.pad(x, 2)[2:-2, 2:-2],
    "every other": lambda xp, x: xp.repeat(x, 2, axis=1)[:, ::2],
}


def factor(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("left", "right"), [*itertools.product(LAYOUTS, repeat=2)])
def test_factors_of_any_layout(cupy: Any, dtype: str, left: str, right: str) -> None:
    a, b = factor(dtype, 4, 3), factor(dtype, 3, 5, seed=1)
    on_device = LAYOUTS[left](cupy, cupy.asarray(a)), LAYOUTS[right](cupy, cupy.asarray(b))
    cupy_on_cpu.reset_counts()
    found = on_device[0] @ on_device[1]
    assert cupy_on_cpu.counts().gemms == 1
    np.testing.assert_allclose(found.get(), a @ b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_product_into_an_array(cupy: Any, dtype: str, layout: str) -> None:
    a, b = factor(dtype, 4, 3), factor(dtype, 3, 5, seed=1)
    out = LAYOUTS[layout](cupy, cupy.full((4, 5), np.nan, dtype))
    assert cupy.matmul(cupy.asarray(a), cupy.asarray(b), out=out) is out
    np.testing.assert_allclose(out.get(), a @ b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (3,)), ((4, 3), (3,)), ((3,), (3, 5)), ((1, 3), (3, 1)), ((6, 4, 3), (3, 5)), ((2, 1, 4, 3), (6, 3, 5))],
    ids=str,
)
def test_vectors_and_stacks(cupy: Any, dtype: str, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = factor(dtype, *left), factor(dtype, *right, seed=1)
    np.testing.assert_allclose((cupy.asarray(a) @ cupy.asarray(b)).get(), a @ b, rtol=1e-5, atol=1e-6)


def test_products_without_entries(cupy: Any) -> None:
    assert (cupy.zeros((3, 0), "float32") @ cupy.zeros((0, 2), "float32")).get().tolist() == [[0, 0]] * 3
    assert (cupy.zeros((0, 3), "float32") @ cupy.zeros((3, 2), "float32")).shape == (0, 2)


def test_products_of_other_dtypes_are_refused(cupy: Any, refused: Callable[..., Any]) -> None:
    cublas = importlib.import_module("cupy.cublas")
    with refused(Unsupported, "^products of the cudaDataType 4 are not emulated; float32 and float64 are$"):
        cupy.ones((3, 3), "complex64") @ cupy.ones((3, 3), "complex64")
    with refused(Unsupported, "^cuBLAS's snrm2 is not emulated; matrix products are$"):
        cublas.nrm2(cupy.ones(3, "float32"))
