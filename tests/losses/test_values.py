"""The value of a loss without its gradient: the same number, with less work."""

import math
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, get_backend
from cutedl_xp.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    Huber,
    Mse,
    SparseCategoricalCrossentropy,
)

INF = math.inf
LOSSES = (
    Mse(),
    Huber(0.3),
    Hinge(),
    BinaryCrossentropy(label_smoothing=0.1),
    CategoricalCrossentropy(label_smoothing=0.1),
    SparseCategoricalCrossentropy(label_smoothing=0.1),
    *(kind(logits) for kind in (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)
      for logits in (True, False)),
)  # fmt: skip
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)


@pytest.fixture(params=["0", "1"], ids=["plain", "fused"])
def chosen(request: pytest.FixtureRequest, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Return the backend with fused kernels and without."""
    monkeypatch.setenv("CUTEDL_XP_FUSED", request.param)
    return get_backend(f"{backend.name}:{backend._device_name(backend.device)}")


def example(loss: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of a dtype that the loss takes, and outputs of a shape."""
    random = np.random.default_rng(5)
    if isinstance(loss, SparseCategoricalCrossentropy):
        labels = random.integers(0, shape[-1], shape[:-1])
    else:
        labels = random.uniform(0.0, 1.0, shape) * random.integers(0, 2, shape)
    return labels, random.uniform(-0.1, 1.1, shape) if getattr(loss, "from_logits", True) else random.uniform(
        size=shape
    )


def assert_same(backend: Backend, found: Any, expected: Any, dtype: str) -> None:
    """Check equal bits on NumPy, and equality up to rounding elsewhere, as kernels may be compiled differently."""
    found, expected = backend.to_numpy(found), backend.to_numpy(expected)
    assert (found.shape, found.dtype) == ((), dtype)
    if backend.name in ("numpy", "array_api_strict"):
        assert found.tobytes() == expected.tobytes()
    else:
        np.testing.assert_allclose(found, expected, rtol=20 * np.finfo(dtype).eps)


@every_loss
@pytest.mark.parametrize("shape", [(64, 10), (1, 3), (2, 3, 4), (0, 3)], ids=str)
def test_the_value_is_that_beside_the_gradient(chosen: Backend, loss: Any, dtype: str, shape: tuple[int, ...]) -> None:
    labels, outputs = example(loss, shape)
    y, p = chosen.asarray(labels), chosen.asarray(outputs, dtype)
    assert_same(chosen, loss.value(chosen, y, p), loss.value_and_gradient(chosen, y, p)[0], dtype)


@every_loss
def test_the_value_of_arrays_in_another_order_is_that_beside_the_gradient(
    chosen: Backend, loss: Any, dtype: str
) -> None:
    labels, outputs = example(loss, (6, 5))
    y, p = chosen.asarray(labels[::-1]), chosen.asarray(np.asfortranarray(outputs), dtype)
    assert_same(chosen, loss.value(chosen, y, p), loss.value_and_gradient(chosen, y, p)[0], dtype)


@pytest.mark.parametrize(
    "logits",
    [[INF, 0.0, -5.0], [-INF, -INF, -3.0], [-INF, -INF, -INF], [0.0, math.nan, 0.0], [1e4, 0.0, -1e4]],
    ids=str,
)
def test_the_value_of_odd_logits_is_that_beside_the_gradient(
    chosen: Backend, logits: list[float], dtype: str, to_numpy: Any
) -> None:
    y, z = chosen.asarray([[1.0, 0.0, 0.0]], dtype), chosen.asarray([logits], dtype)
    loss = CategoricalCrossentropy()
    with np.errstate(invalid="ignore", divide="ignore"):
        found, expected = loss.value(chosen, y, z), loss.value_and_gradient(chosen, y, z)[0]
    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), rtol=10 * np.finfo(dtype).eps)


@every_loss
def test_the_value_leaves_its_arguments_alone(chosen: Backend, loss: Any, dtype: str, unchanged: Any) -> None:
    labels, outputs = example(loss, (4, 3))
    y, p = chosen.asarray(labels), chosen.asarray(outputs, dtype)
    with unchanged(y, p):
        loss.value(chosen, y, p)


class Doubled(Mse):
    """A loss that changes an inherited one."""

    def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_gradient(backend, y_true, y_pred)
        return 2.0 * value, 2.0 * gradient


class Inherited(Doubled):
    """A loss that changes nothing."""


class Doubling:
    """A part of a loss, which another class completes."""

    def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_gradient(backend, y_true, y_pred)  # type: ignore[misc]
        return 2.0 * value, 2.0 * gradient


class Mixed(Doubling, Mse):
    """A loss with two base classes, the first of which defines the value."""


class WithBoth(Doubled):
    """A loss that defines both."""

    def value(self, backend: Any, y_true: Any, y_pred: Any) -> Any:
        return 3.0 * Mse().value(backend, y_true, y_pred)


@pytest.mark.parametrize(("loss", "factor"), [(Doubled(), 2.0), (Inherited(), 2.0), (Mixed(), 2.0), (WithBoth(), 3.0)])
def test_a_loss_never_inherits_the_value_of_another(backend: Backend, to_numpy: Any, loss: Mse, factor: float) -> None:
    y, p = backend.asarray([[1.0, 2.0]]), backend.asarray([[0.5, 4.0]])
    assert float(to_numpy(loss.value(backend, y, p))) == factor * 2.125
