"""Batches that a function yields."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset
from cutedl_xp.datasets import Batches

X = np.arange(24, dtype="uint8").reshape(8, 3)
Y = np.arange(8.0)


def two(epoch: int = 0) -> Iterator[tuple[Any, ...]]:
    yield X[:5] + np.uint8(epoch), Y[:5]
    yield X[5:], Y[5:]


def taken(data: Batches, backend: Backend, epoch: int = 0, start: int = 0) -> list[tuple[Any, ...]]:
    return list(data.weighted_batches(epoch, backend, backend.dtype("float32"), start))


def test_they_have_the_backend_the_dtype_and_the_scale(backend: Backend, to_numpy: Callable[[Any], Any]) -> None:
    data = Dataset.from_batches(two, 2, scale=0.5)
    assert (len(data), data.sample_shape, data.label_shape) == (2, (3,), ())
    assert not data.weighted
    assert not data.in_memory
    assert repr(data) == "<Batches of two, 2 in an epoch>"
    for epoch in (0, 3):
        batches = taken(data, backend, epoch)
        for (x, y, weight, size), (raw, labels) in zip(batches, two(epoch), strict=True):
            assert backend.owns(x)
            assert backend.owns(y)
            assert x.dtype == y.dtype == backend.dtype("float32")
            assert (weight, size) == (None, len(raw))
            np.testing.assert_array_equal(to_numpy(x), raw * np.float32(0.5))
            np.testing.assert_array_equal(to_numpy(y), labels)
    assert [batch.size for batch in data.weighted_batches(0, backend, backend.dtype("float32"), 1)] == [3]


def test_batches_may_be_lists_and_arrays_of_the_backend(backend: Backend, to_numpy: Callable[[Any], Any]) -> None:
    given = [[[[1, 2], [3, 4]], [0, 1]], (backend.asarray(np.eye(2, dtype="float32")), backend.asarray(np.arange(2)))]
    for x, y, _, size in taken(Dataset.from_batches(given, 2), backend):
        assert (tuple(x.shape), tuple(y.shape), size) == ((2, 2), (2,), 2)
        assert to_numpy(y).tolist() == [0, 1]


def test_weights_are_summed_on_the_host(backend: Backend, to_numpy: Callable[[Any], Any]) -> None:
    data = Dataset.from_batches([(X, Y, [2.0] * 8), (X[:2], Y[:2], np.zeros(2))], 2)
    first, second = taken(data, backend)
    assert (to_numpy(first.weight).tolist(), first.size, second.size) == ([2.0] * 8, 16.0, 0.0)
    assert data.weighted


def test_unused_batches_are_not_made_and_the_generator_is_closed(backend: Backend) -> None:
    seen: list[Any] = []

    def endless() -> Iterator[Any]:
        try:
            while True:
                seen.append("batch")
                yield X, Y
        finally:
            seen.append("closed")

    data = Dataset.from_batches(endless, 2)
    assert data.sample_shape == (3,)
    assert seen == ["batch", "closed"]
    seen.clear()
    assert len(taken(data, backend)) == 2
    assert seen == ["batch", "batch", "closed"]
    seen.clear()
    batches = data.weighted_batches(0, backend, backend.dtype("float32"))
    next(batches)
    del batches
    assert seen == ["batch", "closed"]


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (two(), "an iterator can be used once; give the generator function itself"),
        (3, "must be a function that returns an iterable of batches"),
        (lambda rows: two(), "a function without arguments, or of `epoch` alone; missing a required argument: 'rows'"),
        (lambda: 3, re.escape("must return an iterable of batches; got 3 (int)")),
        (lambda: [3], re.escape("the first batch must be a tuple (x, y) or (x, y, sample_weight); got 3 (int)")),
        (lambda: [(X,)], "the first batch must be a tuple"),
        (list, "`factory` must give batches; got none"),
        (lambda: [(X, Y[:3])], r"one label for each sample and at least one sample; got x of shape \(8, 3\)"),
        (lambda: [(X[:0], Y[:0])], "at least one sample"),
        (lambda: [(["a"], [1])], "the first batch does not fit: `x` must be an array of real numbers"),
        (lambda: [(X, Y, Y[:2])], "the first batch does not fit: `sample_weight` must have one weight"),
        (lambda: [(X, Y, -Y)], "numbers of at least 0"),
    ],
)
def test_others_are_refused(backend: Backend, factory: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Dataset.from_batches(factory, 2).check_first(backend, backend.dtype("float32"))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (None, "must give 2 batches in every epoch .`steps_per_epoch`.; epoch 4 ended after 1"),
        ((X[:, :2], Y), r"batch 1 of epoch 4 must have .* the first batch, \(3,\) and \(\); got \(2,\) and \(\)"),
        ((X, X), r"batch 1 of epoch 4 .*; got \(3,\) and \(3,\)"),
        ((X, Y, Y), "batch 1 of epoch 4 must have weights of its samples if and only if the first batch has them"),
        ((X, Y.astype(complex)), "batch 1 of epoch 4 does not fit: `y` must be an array of real numbers"),
    ],
)
@pytest.mark.parametrize("start", [0, 1])
def test_a_later_batch_that_does_not_fit_is_named(backend: Backend, second: Any, message: str, start: int) -> None:
    data = Dataset.from_batches([(X, Y)] + [second] * (second is not None), 2)
    with pytest.raises((TypeError, ValueError), match=message):
        taken(data, backend, 4, start)


@pytest.mark.parametrize(("steps", "error"), [(0, ValueError), (2.0, TypeError), (None, TypeError)])
def test_other_numbers_of_steps_are_refused(steps: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`steps_per_epoch`"):
        Dataset.from_batches(two, steps)


def test_arrays_of_another_library_are_refused(backend: Backend) -> None:
    strict = pytest.importorskip("array_api_strict")
    if backend.name == "array_api_strict":
        strict = pytest.importorskip("torch")
    data = Dataset.from_batches([(strict.ones((2, 3)), strict.ones((2,)))], 1)
    with pytest.raises(
        TypeError, match=r"the first batch does not fit: an array of the batch is .*, and the backend is"
    ):
        data.check_first(backend, backend.dtype("float32"))
