import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cutedl_xp import Backend, get_backend
from cutedl_xp.datasets import Dataset, _batches

SIZES = st.integers(1, 40)
BATCH_SIZES = st.integers(1, 50)


def numbered(size: int, batch_size: int, **options: Any) -> Dataset:
    """Return samples and labels that equal their positions."""
    numbers = np.arange(size)
    return Dataset(np.stack([numbers, -numbers], axis=1), numbers, batch_size, **options)


def order(data: Dataset, epoch: int = 0) -> list[int]:
    """Return the numbers of the samples in the order of an epoch."""
    numbers = []
    for x, y in data.batches(epoch):
        np.testing.assert_array_equal(x, np.stack([y, -y], axis=1))  # each sample has its own label
        numbers += y.tolist()
    return numbers


@given(size=SIZES, batch_size=BATCH_SIZES, shuffle=st.booleans(), epoch=st.integers(0, 2**40))
def test_every_sample_exactly_once(size: int, batch_size: int, shuffle: bool, epoch: int) -> None:
    data = numbered(size, batch_size, shuffle=shuffle)
    assert sorted(order(data, epoch)) == list(range(size))
    lengths = [len(y) for _, y in data.batches(epoch)]
    assert len(lengths) == len(data) == -(-size // batch_size)
    assert set(lengths[:-1]) <= {batch_size}
    assert 1 <= lengths[-1] <= batch_size


@given(size=SIZES, batch_size=BATCH_SIZES, shuffle=st.booleans())
def test_drop_remainder(size: int, batch_size: int, shuffle: bool) -> None:
    if batch_size > size:
        with pytest.raises(ValueError, match=rf"`batch_size` is {batch_size} and there are {size} samples"):
            numbered(size, batch_size, shuffle=shuffle, drop_remainder=True)
        return
    whole = numbered(size, batch_size, shuffle=shuffle)
    data = numbered(size, batch_size, shuffle=shuffle, drop_remainder=True)
    assert {len(y) for _, y in data.batches(0)} == {batch_size}
    assert len(list(data.batches(0))) == len(data) == size // batch_size
    assert order(data) == order(whole)[: len(data) * batch_size]


@given(size=SIZES, batch_size=BATCH_SIZES, epoch=st.integers(0, 5))
def test_unshuffled_is_in_order(size: int, batch_size: int, epoch: int) -> None:
    assert order(numbered(size, batch_size, shuffle=False), epoch) == list(range(size))


@given(seed=st.integers(0, 2**64), epoch=st.integers(0, 2**40))
def test_the_order_depends_on_seed_and_epoch_alone(seed: int, epoch: int) -> None:
    used = numbered(30, 7, seed=seed)
    for other in (epoch + 1, 0, epoch):
        order(used, other)
    next(used.batches(epoch))  # an unfinished iterator
    assert order(used, epoch) == order(numbered(30, 7, seed=seed), epoch) == order(numbered(30, 4, seed=seed), epoch)


def test_epochs_and_seeds_have_their_own_orders() -> None:
    orders = [order(numbered(30, 7, seed=seed), epoch) for seed in range(4) for epoch in range(4)]
    assert list(range(30)) not in orders
    assert all(first != second for first, second in itertools.combinations(orders, 2))


@pytest.mark.parametrize("at_once", [1, 14, 28, 29, 10_000])
def test_the_order_does_not_depend_on_how_many_batches_are_gathered_at_once(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    expected = [[array.tolist() for array in batch] for batch in numbered(30, 7).batches(3)]
    monkeypatch.setattr(_batches, "_AT_ONCE", at_once)
    assert [[array.tolist() for array in batch] for batch in numbered(30, 7).batches(3)] == expected
    assert [len(batch[0]) for batch in expected] == [7, 7, 7, 7, 2]


def test_every_place_gets_every_sample() -> None:
    data = numbered(5, 2)
    counts = np.zeros((5, 5))
    for epoch in range(2000):
        counts[np.arange(5), order(data, epoch)] += 1
    assert np.abs(counts - 400).max() < 90  # five standard deviations


def test_two_epochs_side_by_side() -> None:
    data = numbered(20, 6)
    pairs = list(zip(data.batches(0), data.batches(1), strict=True))
    assert [n for (_, y), _ in pairs for n in y.tolist()] == order(data, 0)
    assert [n for _, (_, y) in pairs for n in y.tolist()] == order(data, 1)


def test_the_same_on_every_backend(backend: Backend) -> None:
    images = np.random.default_rng(0).integers(0, 256, (23, 3, 2), dtype=np.uint8)
    labels = np.eye(10, dtype=np.float32)[np.arange(23) % 10]
    for shuffle in (True, False):
        options: dict[str, Any] = {"batch_size": 5, "shuffle": shuffle, "seed": 1, "scale": 1 / 255}
        on_host = Dataset(images, labels, **options)
        there = Dataset(backend.asarray(images), backend.asarray(labels), **options)
        for epoch in range(2):
            batches = zip(
                on_host.batches(epoch), there.batches(epoch), on_host.batches(epoch, backend=backend), strict=True
            )
            for expected, *others in batches:
                for received in others:
                    assert all(backend.owns(array) for array in received)
                    for ours, theirs in zip(received, expected, strict=True):
                        np.testing.assert_array_equal(backend.to_numpy(ours), theirs)


def test_no_implicit_copy_to_the_host() -> None:
    test_the_same_on_every_backend(get_backend("array_api_strict:device1"))


def test_moved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = get_backend("array_api_strict:device1")
    moved = []

    def from_numpy(self: Backend, array: NDArray[Any]) -> Any:
        moved.append(array.shape)
        return original(self, array)

    original = type(strict)._from_numpy
    monkeypatch.setattr(type(strict), "_from_numpy", from_numpy)
    data = Dataset(np.zeros((50, 3)), np.zeros((50, 2)), batch_size=10)
    for epoch in range(3):
        strict = get_backend("array_api_strict:device1")  # another object for the same device
        list(data.batches(epoch, backend=strict, dtype="float32"))
        data.labels_on(strict, "float32")
    assert (moved.count((50, 3)), moved.count((50, 2))) == (1, 1)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("given_dtype", "asked", "samples", "labels"),
    [
        ("uint8", None, "float32", "float32"),
        ("int64", None, "float32", "float32"),
        ("float32", None, "float32", "float32"),
        ("float64", None, "float64", "float64"),
        ("uint8", "float64", "float64", "float64"),
        ("float64", "float32", "float32", "float32"),
    ],
)
def test_dtypes(
    backend: Backend, shuffle: bool, given_dtype: str, asked: str | None, samples: str, labels: str
) -> None:
    floating = Dataset(np.ones((6, 2), dtype=given_dtype), np.ones((6, 3), dtype="float64"), 4, shuffle=shuffle)
    for x, y in floating.batches(0, backend=backend, dtype=asked):
        assert (x.dtype, y.dtype) == (backend.dtype(samples), backend.dtype(labels))
    numbers = Dataset(np.ones((6, 2), dtype=given_dtype), np.ones(6, dtype="int64"), 4, shuffle=shuffle)
    for _, y in numbers.batches(0, backend=backend, dtype=asked):
        assert y.dtype == backend.dtype("int64")  # classes stay integers


@pytest.mark.parametrize("shuffle", [True, False])
def test_scale(backend: Backend, shuffle: bool) -> None:
    images = np.arange(256, dtype=np.uint8).reshape(128, 2)
    data = Dataset(images, np.arange(128.0), batch_size=128, shuffle=shuffle, scale=1 / 255)
    ((x, y),) = data.batches(0, backend=backend)
    received = backend.to_numpy(x)[np.argsort(backend.to_numpy(y))]
    np.testing.assert_allclose(received, images / 255, rtol=1e-6)
    assert (received.min(), received.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(data.data, np.arange(256).reshape(128, 2))  # the arguments are unchanged
    np.testing.assert_array_equal(np.sort(backend.to_numpy(y)), np.arange(128))  # and labels are not scaled


def test_labels_on(backend: Backend) -> None:
    data = Dataset(np.zeros((4, 2)), np.arange(4.0), seed=2)
    labels = data.labels_on(backend, "float32")
    assert backend.owns(labels)
    assert labels.dtype == backend.dtype("float32")
    np.testing.assert_array_equal(backend.to_numpy(labels), np.arange(4))


def test_samples_of_any_shape(backend: Backend) -> None:
    for shape in ((), (3,), (2, 3, 4), (0,)):
        data = Dataset(np.zeros((5, *shape)), np.zeros((5, *shape)), batch_size=5)
        ((x, y),) = data.batches(0, backend=backend)
        assert (tuple(x.shape), tuple(y.shape)) == ((5, *shape), (5, *shape))
        assert data.sample_shape == shape
        assert data.size == 5


def test_repr() -> None:
    assert repr(numbered(130, 64)) == "<Dataset of 130 samples of shape (2,) in 3 batches>"


X, Y = np.zeros((4, 2)), np.zeros(4)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            (X, np.full(4, "cat")),
            TypeError,
            "`labels` must be an array of real numbers; got a numpy array of dtype <U3",
        ),
        ((X * 1j, Y), TypeError, "`data` must be an array of real numbers; got a numpy array of dtype complex128"),
        ((X, None), TypeError, "`labels` must be an array of shape (n, ...); got NoneType"),
        ((np.array(1.0), Y), ValueError, "`data` must have a first axis of samples; got an array of shape ()"),
        ((X, np.array(1.0)), ValueError, "`labels` must have a first axis of samples; got an array of shape ()"),
        ((X, Y[:3]), ValueError, "got shapes (4, 2) and (3,)"),
        ((X[:0], Y[:0]), ValueError, "at least one sample; got shapes (0, 2) and (0,)"),
        ((X, Y, 0), ValueError, "`batch_size` must be 1 or greater; got 0"),
        ((X, Y, -64), ValueError, "`batch_size` must be 1 or greater; got -64"),
        ((X, Y, 64.0), TypeError, "`batch_size` must be an integer; got 64.0 (float)"),
        ((X, Y, True), TypeError, "`batch_size` must be an integer; got True (bool)"),
        ((X, Y, 5, True, True), ValueError, "`batch_size` is 5 and there are 4 samples: with drop_remainder=True"),
        ((X, Y, 2, True, False, -1), ValueError, "seed"),
        ((X, Y, 2, True, False, "0"), TypeError, "seed"),
        ((X, Y, 2, True, False, 0, float("nan")), ValueError, "`scale` must be finite; got nan"),
        ((X, Y, 2, True, False, 0, "1/255"), TypeError, "`scale` must be a number; got '1/255' (str)"),
    ],
)
def test_bad_input(arguments: tuple[Any, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        Dataset(*arguments)
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_array_of_another_device_is_not_moved() -> None:
    strict, other = get_backend("array_api_strict:device1"), get_backend("array_api_strict:device2")
    data = Dataset(strict.asarray(X), strict.asarray(Y), batch_size=2)
    with pytest.raises(TypeError, match="device1"):
        next(data.batches(0, backend=other))


def test_a_dtype_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="float23"):
        next(numbered(4, 2).batches(0, dtype="float23"))


def test_attributes_cannot_be_assigned() -> None:
    data = numbered(5, 2, scale=0.5)
    before = [[array.tolist() for array in batch] for batch in data.batches(0)]
    for name in ("data", "labels", "batch_size", "shuffle", "drop_remainder", "seed", "scale"):
        with pytest.raises(AttributeError, match=f"^`{name}` of a Dataset cannot be assigned; make a new Dataset$"):
            setattr(data, name, getattr(data, name))
    data.name = "a user's own attribute"
    assert [[array.tolist() for array in batch] for batch in data.batches(0)] == before
    for copied in (copy.copy(data), copy.deepcopy(data), pickle.loads(pickle.dumps(data))):  # noqa: S301
        assert [[array.tolist() for array in batch] for batch in copied.batches(0)] == before


@given(
    size=SIZES, batch_size=BATCH_SIZES, shuffle=st.booleans(), drop_remainder=st.booleans(), start=st.integers(0, 45)
)
def test_a_start_skips_batches(size: int, batch_size: int, shuffle: bool, drop_remainder: bool, start: int) -> None:
    data = numbered(size, min(batch_size, size), shuffle=shuffle, drop_remainder=drop_remainder)
    every = [y.tolist() for _, y in data.batches(3)]
    for x, y in data.batches(3, start=start):
        np.testing.assert_array_equal(x[:, 0], y)
    assert [y.tolist() for _, y in data.batches(3, start=start)] == every[start:]


def test_skipped_batches_are_not_gathered(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    real = backend.xp.take
    monkeypatch.setattr(_batches, "_AT_ONCE", 1)
    data = Dataset(backend.asarray(np.ones((12, 2))), backend.asarray(np.arange(12)), batch_size=3)

    def take(array: Any, rows: Any, *, axis: int) -> Any:
        taken.append(rows.shape[0])
        return real(array, rows, axis=axis)

    monkeypatch.setattr(backend.xp, "take", take)
    assert len(list(data.batches(0, start=3))) == 1
    assert taken == [3, 3]  # the samples and the labels of one batch


@pytest.mark.parametrize(("start", "error"), [(-1, ValueError), (1.0, TypeError)])
def test_a_start_that_is_not_a_count_is_refused(start: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`start` must be"):
        numbered(4, 2).batches(0, start=start)
