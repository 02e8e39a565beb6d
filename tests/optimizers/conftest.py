"""Fixtures of the tests of optimizers: the public rules, and arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, optimizers
from optimizer_table import REFERENCES


@pytest.fixture(scope="session", params=REFERENCES, ids=lambda rule: rule.__name__)
def rule(request: pytest.FixtureRequest) -> type[optimizers.Optimizer]:
    """Return each public optimizer's class in turn."""
    found: type[optimizers.Optimizer] = request.param
    return found


@pytest.fixture(scope="session")
def normal(backend: Backend) -> Callable[..., Any]:
    """Return a function that makes an array of the backend with normally distributed numbers from a seed."""

    def make(seed: int, *shape: int, dtype: str = "float32") -> Any:
        return backend.asarray(np.asarray(np.random.default_rng(seed).normal(size=shape), dtype=dtype))

    return make


@pytest.fixture(scope="session")
def on_host(to_numpy: Callable[[Any], np.ndarray]) -> Callable[[Any], Any]:
    """Return a function that copies a tree of arrays, lists, tuples and dicts to the host, as NumPy arrays."""

    def copied(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: copied(child) for key, child in tree.items()}
        if isinstance(tree, (list, tuple)):
            return type(tree)(copied(child) for child in tree)
        return tree if isinstance(tree, int) else np.array(to_numpy(tree))

    return copied


@pytest.fixture(scope="session")
def same_bits() -> Callable[[Any, Any], bool]:
    """Return a function that compares the structure, dtypes, shapes and bits of two trees on the host."""
    return lambda a, b: _same(a, b, lambda x, y: x.tobytes() == y.tobytes())


@pytest.fixture(scope="session")
def alike() -> Callable[[Any, Any], bool]:
    """Return a function like ``same_bits``, but up to rounding."""
    return _alike


@pytest.fixture(scope="session")
def agree(backend: Backend, same_bits: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Return ``same_bits``, or equality up to rounding if ``step`` compiles rules in another way."""
    return _alike if backend.name in ("cupy", "jax") else same_bits


def _alike(a: Any, b: Any) -> bool:
    return _same(a, b, lambda x, y: np.allclose(x, y, **dict.fromkeys(("rtol", "atol"), 1e3 * np.finfo(x.dtype).eps)))


def _same(a: Any, b: Any, equal: Callable[[np.ndarray, np.ndarray], bool]) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[key], b[key], equal) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y, equal) for x, y in zip(a, b, strict=True))
    if isinstance(a, int):
        return a == b
    return (a.dtype, a.shape) == (b.dtype, b.shape) and equal(a, b)
