"""What the tests on other libraries' own arrays share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    """Let JAX compute in float64 where it is asked to, in these tests alone."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)
