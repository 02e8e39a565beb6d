"""Infinite logits: the loss and its gradient are their limits."""

import math

import numpy as np
import pytest

from cutedl_xp import get_backend
from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy

INF, NAN = math.inf, math.nan
LOG_2, E = math.log(2.0), math.e


def softmax(*logits):
    powers = [math.exp(logit) for logit in logits]
    return [power / sum(powers) for power in powers]


BINARY = [
    # label, logit, loss, gradient
    (0.0, -INF, 0.0, 0.0),
    (1.0, INF, 0.0, 0.0),
    (1.0, -INF, INF, -1.0),
    (0.0, INF, INF, 1.0),
    (0.25, INF, INF, 0.75),
    (0.25, -INF, INF, -0.25),
    (0.0, NAN, NAN, NAN),
    (1.0, NAN, NAN, NAN),
]
SOFTMAX = [
    # labels, logits, loss, gradient
    ([1, 0, 0], [1, -INF, 0], -math.log(softmax(1, 0)[0]), [softmax(1, 0)[0] - 1, 0, softmax(1, 0)[1]]),
    ([0, 0, 1], [-INF, -INF, -3], 0.0, [0, 0, 0]),
    ([0.5, 0, 0.5], [2, -INF, 2], LOG_2, [0, 0, 0]),
    ([0, 1, 0], [1, -INF, 1], INF, [0.5, -1, 0.5]),
    ([0.5, 0.5, 0], [0, -INF, 0], INF, [0, -0.5, 0.5]),
    ([1, 0, 0], [INF, 0, -5], 0.0, [0, 0, 0]),
    ([1, 0, 0], [INF, -INF, 1e30], 0.0, [0, 0, 0]),
    ([0, 1, 0], [INF, 0, -5], INF, [1, -1, 0]),
    ([1, 0, 0], [INF, INF, 0], LOG_2, [-0.5, 0.5, 0]),
    ([0, 0, 0], [INF, 0, -INF], 0.0, [0, 0, 0]),
    ([1, 0, 0], [-INF, -INF, -INF], NAN, [NAN, NAN, NAN]),
    ([1, 0, 0], [0, NAN, 0], NAN, [NAN, NAN, NAN]),
]


@pytest.fixture(params=["0", "1"], ids=["plain", "fused"])
def chosen(request, backend, monkeypatch):
    """Return the backend with fused kernels and without."""
    monkeypatch.setenv("CUTEDL_XP_FUSED", request.param)
    return get_backend(f"{backend.name}:{backend._device_name(backend.device)}")


@pytest.fixture(autouse=True)
def _numpy_warns_of_invalid_operations_without_numba():
    with np.errstate(invalid="ignore"):
        yield


def check(found, value, gradient, dtype, to_numpy):
    rtol = 10 * np.finfo(dtype).eps
    np.testing.assert_allclose(to_numpy(found[0]), value, rtol=rtol)
    np.testing.assert_allclose(to_numpy(found[1]), gradient, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("label", "logit", "value", "gradient"), BINARY)
def test_binary(chosen, to_numpy, dtype, label, logit, value, gradient):
    found = BinaryCrossentropy()(chosen.asarray([label], dtype), chosen.asarray([logit], dtype))
    check(found, value, [gradient], dtype, to_numpy)


@pytest.mark.parametrize(("labels", "logits", "value", "gradient"), SOFTMAX)
def test_categorical(chosen, to_numpy, dtype, labels, logits, value, gradient):
    y, z = chosen.asarray([labels], dtype), chosen.asarray([logits], dtype)
    check(CategoricalCrossentropy()(y, z), value, [gradient], dtype, to_numpy)
    deep = [chosen.asarray([[each]], dtype) for each in (labels, logits)]
    check(CategoricalCrossentropy()(*deep), value, [[gradient]], dtype, to_numpy)


@pytest.mark.parametrize(("labels", "logits", "value", "gradient"), [case for case in SOFTMAX if 1 in case[0]])
def test_sparse(chosen, to_numpy, dtype, labels, logits, value, gradient):
    found = SparseCategoricalCrossentropy()(chosen.asarray([labels.index(1)]), chosen.asarray([logits], dtype))
    check(found, value, [gradient], dtype, to_numpy)


def test_one_impossible_class_leaves_the_other_rows_unchanged(chosen, to_numpy, dtype):
    labels, logits = [0, 1, 2], [[3.0, -INF, 1.0], [0.5, 0.25, -1.0], [-INF, -INF, 2.0]]
    value, gradient = SparseCategoricalCrossentropy()(chosen.asarray(labels), chosen.asarray(logits, dtype))
    rows = [
        SparseCategoricalCrossentropy()(chosen.asarray([y]), chosen.asarray([z], dtype))
        for y, z in zip(labels, logits, strict=True)
    ]
    assert float(to_numpy(value)) == pytest.approx(sum(float(to_numpy(row)) for row, _ in rows) / 3, rel=1e-6)
    expected = np.concatenate([to_numpy(row) for _, row in rows]) / 3
    np.testing.assert_allclose(to_numpy(gradient), expected, rtol=1e-6, atol=1e-7)
