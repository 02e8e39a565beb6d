"""The format of float32 products that each backend reports."""

from collections.abc import Iterator
from typing import Any

import pytest

from cutedl_xp import Backend


@pytest.fixture
def allow_tf32(backend: Backend) -> Iterator[Any]:
    """Return a function that allows the backend's library to multiply in TF32 until the end of the test."""
    if backend.name == "torch":
        torch = pytest.importorskip("torch")
        yield lambda: torch.set_float32_matmul_precision("high")
        torch.set_float32_matmul_precision("highest")
    elif backend.name == "jax":
        jax = pytest.importorskip("jax")
        yield lambda: jax.config.update("jax_default_matmul_precision", "tensorfloat32")
        jax.config.update("jax_default_matmul_precision", None)
    elif backend.name == "cupy":
        linalg = pytest.importorskip("cupy")._core._routines_linalg
        before = linalg.get_compute_type("f")
        yield lambda: linalg.set_compute_type("f", 7)  # COMPUTE_TYPE_TF32
        linalg.set_compute_type("f", before)
    else:
        pytest.skip("a library that multiplies in float32 alone")


def test_without_a_setting_products_are_float32(backend: Backend) -> None:
    assert backend.float32_products.split(",")[0] == "float32"


def test_another_setting_is_named(backend: Backend, allow_tf32: Any) -> None:
    allow_tf32()
    named = {
        "torch": "torch.get_float32_matmul_precision() is 'high'",
        "jax": "jax_default_matmul_precision is 'tensorfloat32'",
        "cupy": "TF32, chosen by $CUPY_TF32",
    }
    assert backend.float32_products == named[backend.name]


def test_newer_setting_of_torch_is_named(backend: Backend) -> None:
    if backend.name != "torch":
        pytest.skip("of PyTorch alone")
    matmul = pytest.importorskip("torch").backends.cuda.matmul
    if not hasattr(matmul, "fp32_precision"):
        pytest.skip("this PyTorch has the older setting alone")
    before = matmul.fp32_precision
    matmul.fp32_precision = "tf32"
    try:
        assert backend.float32_products == "torch.backends.cuda.matmul.fp32_precision is 'tf32'"
    finally:
        matmul.fp32_precision = before
