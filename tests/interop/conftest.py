"""Fixtures of the tests with other libraries."""

import os
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    """Enable float64 of JAX in these tests only."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return Keras on JAX, with float64."""
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "jax")
    found = pytest.importorskip("keras")
    before = found.config.floatx()
    found.config.set_floatx("float64")
    yield found
    found.config.set_floatx(before)
