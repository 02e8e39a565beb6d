"""Matrix products by direct calls of cuBLAS: they agree with NumPy's, without copies, on separate handles."""

import gc
import threading
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend
from cutedl_xp.backends import _captures, _cublas

SHAPES = [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1), (64, 784, 10)]


@pytest.fixture
def cupy(backend: Backend) -> Any:
    import cupy

    return cupy


@pytest.fixture
def direct(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if CuPy computes a product."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("cupy.matmul was called")

    monkeypatch.setattr(cupy, "matmul", refuse)


def operands(backend: Backend, shape: tuple[int, int, int], dtype: str, layout: str) -> tuple[np.ndarray, Any, Any]:
    """Return NumPy's product, and operands in row ("C") or column ("F") order, or as part of a matrix ("part")."""
    random, (m, k, n) = np.random.default_rng(0), shape
    made = []
    for sizes, order in (((m, k), layout[0]), ((k, n), layout[1])):
        host = random.normal(size=sizes).astype(dtype)
        wide = np.zeros((sizes[0], sizes[1] + 3), dtype)
        wide[:, : sizes[1]] = host
        array = {
            "C": lambda host=host: backend.asarray(host),
            "F": lambda host=host: backend.asarray(np.ascontiguousarray(host.T)).T,
            "P": lambda wide=wide, sizes=sizes: backend.asarray(wide)[:, : sizes[1]],
        }[order]()
        made.append((host, array))
    (a_host, a), (b_host, b) = made
    return a_host.astype("float64") @ b_host.astype("float64"), a, b


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("layout", ["CC", "CF", "FC", "FF", "PC", "CP"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_product_agrees_with_numpy(backend: Backend, shape: tuple[int, int, int], dtype: str, layout: str) -> None:
    expected, a, b = operands(backend, shape, dtype, layout)
    product = backend.matmul(a, b)
    assert product.dtype == a.dtype
    assert product.flags.c_contiguous
    np.testing.assert_allclose(backend.to_numpy(product), expected, rtol=0, atol=1e-4 if dtype == "float32" else 1e-12)


@pytest.mark.usefixtures("direct")
def test_product_overwrites_out(backend: Backend, dtype: str) -> None:
    expected, a, b = operands(backend, (3, 4, 5), dtype, "CF")
    out = backend.asarray(np.full((3, 5), np.nan, dtype))
    assert backend.matmul(a, b, out=out) is out
    np.testing.assert_allclose(backend.to_numpy(out), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(np.ones((3, 4), "int32"), np.ones((4, 5), "int32"), id="integers"),
        pytest.param(np.ones((3, 4), "float32"), np.ones((4, 5), "float64"), id="two dtypes"),
        pytest.param(np.ones((0, 4), "float32"), np.ones((4, 5), "float32"), id="no rows"),
        pytest.param(np.ones((3, 0), "float32"), np.ones((0, 5), "float32"), id="nothing to sum"),
        pytest.param(np.ones((2, 3, 4), "float32"), np.ones((4, 5), "float32"), id="batch"),
        pytest.param(np.ones(4, "float32"), np.ones((4, 5), "float32"), id="vector"),
    ],
)
def test_cupy_multiplies_other_operands(backend: Backend, cupy: Any, a: np.ndarray, b: np.ndarray) -> None:
    on_device = backend.asarray(a), backend.asarray(b)
    assert _cublas.matmul(cupy, *on_device) is None
    np.testing.assert_array_equal(backend.to_numpy(backend.matmul(*on_device)), a @ b)


def test_cupy_multiplies_operands_with_gaps(backend: Backend, cupy: Any) -> None:
    host = np.arange(48, dtype="float32").reshape(6, 8)
    a, b = backend.asarray(host)[:, ::2], backend.asarray(host.T)[::2]
    assert _cublas.matmul(cupy, a, b) is None
    np.testing.assert_allclose(backend.to_numpy(backend.matmul(a, b)), host[:, ::2] @ host.T[::2])


def test_cupy_writes_into_memory_that_the_operands_share(backend: Backend, cupy: Any) -> None:
    host = np.arange(9, dtype="float32").reshape(3, 3)
    a = backend.asarray(host.copy())
    assert _cublas.matmul(cupy, a, a, a) is None
    np.testing.assert_allclose(backend.to_numpy(backend.matmul(a, a, out=a)), host @ host)


def test_shapes_that_do_not_fit_are_refused(backend: Backend, cupy: Any) -> None:
    with pytest.raises(ValueError, match="mismatch"):
        backend.matmul(backend.asarray(np.ones((3, 4), "float32")), backend.asarray(np.ones((3, 4), "float32")))


@pytest.mark.parametrize(("chosen", "char", "expected"), [(1, "f", 68), (2, "f", 69), (7, "f", 77), (2, "d", 71)])
def test_compute_type_is_the_one_that_cupy_chooses(cupy: Any, chosen: int, char: str, expected: int) -> None:
    before = cupy._core.get_compute_type(char)
    try:
        cupy._core.set_compute_type(char, chosen)
        assert _cublas._compute_type(cupy, char) == expected
    finally:
        cupy._core.set_compute_type(char, before)


def test_failure_is_named(cupy: Any) -> None:
    with pytest.raises(
        RuntimeError, match=r"^cublasDestroy_v2 of cuBLAS failed with CUBLAS_STATUS_NOT_INITIALIZED \(1\)$"
    ):
        _cublas._library().cublasDestroy_v2(None)


def test_each_stream_and_thread_has_its_own_handle(cupy: Any) -> None:
    handles = [_cublas._current_handle(cupy), _cublas._current_handle(cupy)]
    assert handles[0] is handles[1]
    with cupy.cuda.Stream(non_blocking=True):
        handles.append(_cublas._current_handle(cupy))
    thread = threading.Thread(target=lambda: handles.append(_cublas._current_handle(cupy)))
    thread.start()
    thread.join()
    assert len({id(handle) for handle in handles}) == 3


def test_handles_end_with_their_owner_but_never_within_a_capture(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    destroyed: list[Any] = []
    destroy = _cublas._destroy
    monkeypatch.setattr(_cublas, "_destroy", lambda *arguments: (destroyed.append(arguments), destroy(*arguments)))
    handle = _cublas.Handle(cupy)
    with _captures.capture_alone():
        assert not gc.isenabled()
        del handle
        assert not destroyed
    assert len(destroyed) == 1
    assert gc.isenabled()
