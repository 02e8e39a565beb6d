"""Reductions on CUDA: the values of NumPy, in two passes over large arrays, by kernels that CuPy generates."""

from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend

LARGE = (4096, 40)


@pytest.fixture
def cupy(backend: Backend) -> Any:
    import cupy

    return cupy


def kernels(work: Any) -> list[str]:
    """Return the names of the kernels that are launched."""
    emulator = pytest.importorskip("cupy_on_cpu")
    if not emulator.is_installed():
        pytest.skip("only the emulator counts")
    emulator.reset_counts()
    work()
    return list(emulator.counts().kernels)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("shape", [(64, 10), LARGE, (131_101, 1), (4099, 40)], ids=str)
def test_sums_agree_with_numpy(
    backend: Backend, shape: tuple[int, ...], axis: int | None, keepdims: bool, dtype: str
) -> None:
    host = np.random.default_rng(0).normal(size=shape).astype(dtype)
    expected = host.astype("float64").sum(axis=axis, keepdims=keepdims)
    found = backend.sum(backend.asarray(host), axis=axis, keepdims=keepdims)
    assert found.dtype == host.dtype
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(backend.to_numpy(found), expected, atol=2e-2 if dtype == "float32" else 1e-9)


def test_sum_is_written_to_out(backend: Backend) -> None:
    host = np.random.default_rng(0).normal(size=LARGE)
    out = backend.asarray(np.full(LARGE[1], np.nan))
    assert backend.sum(backend.asarray(host), axis=0, out=out) is out
    np.testing.assert_allclose(backend.to_numpy(out), host.sum(axis=0), atol=1e-9)


@pytest.mark.parametrize(
    ("shape", "axis", "passes"), [((64, 10), 0, 1), (LARGE, 0, 2), (LARGE, None, 2), (LARGE, 1, 1), ((262_147,), 0, 1)]
)
def test_large_sums_take_two_passes(backend: Backend, shape: tuple[int, ...], axis: int | None, passes: int) -> None:
    array = backend.asarray(np.ones(shape, "float32"))
    assert len(kernels(lambda: backend.sum(array, axis=axis))) == passes


@pytest.mark.parametrize("size", [40, 7 * 2**16, 262_147])
def test_norms_agree_with_numpy(backend: Backend, size: int) -> None:
    host = np.random.default_rng(0).normal(size=size) * 1e200
    host[-1] = 3e201
    scale, squares = backend.scaled_squares([backend.asarray(host)])
    assert float(scale) == 3e201
    np.testing.assert_allclose(float(scale) * float(squares) ** 0.5, 1e200 * np.linalg.norm(host / 1e200), rtol=1e-12)


@pytest.mark.parametrize("values", [(0.0, 0.0), (np.inf, 1.0)])
def test_norms_of_large_arrays_with_zeros_and_infinities(backend: Backend, values: tuple[float, float]) -> None:
    host = np.full(7 * 2**16, values[1])
    host[3] = values[0]
    scale, squares = backend.scaled_squares([backend.asarray(host)])
    assert float(scale) == 1.0
    assert float(squares) == np.square(host).sum()


def test_reductions_are_those_of_cupy_itself_while_the_backend_works(backend: Backend, cupy: Any) -> None:
    core, cub = cupy._core, cupy._core._accelerator.ACCELERATOR_CUB
    before = core.get_reduction_accelerators(), core.get_routine_accelerators()
    core.set_reduction_accelerators(["cub"])
    core.set_routine_accelerators(["cub"])
    try:
        with backend.active():
            with backend.active():
                pass
            assert core.get_reduction_accelerators() == core.get_routine_accelerators() == []
        assert core.get_reduction_accelerators() == core.get_routine_accelerators() == [cub]
    finally:
        core.set_reduction_accelerators(before[0])
        core.set_routine_accelerators(before[1])
