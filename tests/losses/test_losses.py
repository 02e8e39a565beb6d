"""Losses: independent formulas, finite differences, the ends of the range, and errors."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, Mse, SparseCategoricalCrossentropy


def picked(y, log_p):
    return -float(np.mean(np.take_along_axis(log_p, y[..., None], axis=-1)))


def log_softmax(z):
    return z - np.logaddexp.reduce(z, axis=-1, keepdims=True)


REFERENCES = {
    Mse(): lambda y, p: math.fsum((y - p).ravel() ** 2) / y.size,
    BinaryCrossentropy(): lambda y, z: np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)),
    BinaryCrossentropy(from_logits=False): lambda y, p: -np.mean(y * np.log(p / (1 - p)) + np.log(1 - p)),
    CategoricalCrossentropy(): lambda y, z: -np.mean(np.einsum("...c,...c", y, log_softmax(z))),
    CategoricalCrossentropy(from_logits=False): lambda y, p: -np.mean(np.log(p**y).sum(axis=-1)),
    SparseCategoricalCrossentropy(): lambda y, z: picked(y, log_softmax(z)),
    SparseCategoricalCrossentropy(from_logits=False): lambda y, p: picked(y, np.log(p)),
}
LOSSES = tuple(REFERENCES)
SPARSE, CATEGORICAL, BINARY = SparseCategoricalCrossentropy, CategoricalCrossentropy, BinaryCrossentropy


def takes_probabilities(loss):
    return not getattr(loss, "from_logits", True)


def called(loss):
    return type(loss).__name__ + (" of probabilities" if takes_probabilities(loss) else "")


every_loss = pytest.mark.parametrize("loss", LOSSES, ids=called)
of_logits = pytest.mark.parametrize("loss", [loss for loss in LOSSES if not takes_probabilities(loss)], ids=called)
of_probabilities = pytest.mark.parametrize("loss", [*filter(takes_probabilities, LOSSES)], ids=called)
of_entries = pytest.mark.parametrize("loss", [loss for loss in LOSSES if isinstance(loss, Mse | BINARY)], ids=called)
with_label_dtype = pytest.mark.parametrize(
    ("loss", "label_dtype"),
    [
        pytest.param(loss, label_dtype, id=f"{called(loss)}-{label_dtype}")
        for loss in LOSSES
        for label_dtype in ("int64", "uint8", *(() if isinstance(loss, SPARSE) else ("float32", "float64", "bool")))
    ],
)
every_shape = pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 3), (2, 3, 4)], ids=str)


def example(loss, shape, seed=0):
    """Return float64 labels (soft if the loss takes them, not normalized) and outputs of a shape."""
    draw = np.random.default_rng(seed)
    if isinstance(loss, SPARSE):
        y = draw.integers(0, shape[-1], shape[:-1])
    elif isinstance(loss, Mse):
        y = draw.normal(size=shape) * 3
    else:
        y = draw.uniform(0, 1, shape) * draw.integers(0, 2, shape)
    return y, draw.uniform(0.05, 0.95, shape) if takes_probabilities(loss) else draw.normal(size=shape) * 3


@every_loss
@given(lead=st.sampled_from([(1,), (2,), (7,), (2, 3), (3, 1, 2)]), classes=st.integers(1, 5), seed=st.integers(0, 999))
def test_the_value_is_that_of_the_formula(loss, backend, to_numpy, lead, classes, seed):
    y, outputs = example(loss, (*lead, classes), seed)
    value, _ = loss(backend.asarray(y), backend.asarray(outputs))
    np.testing.assert_allclose(float(to_numpy(value)), REFERENCES[loss](y, outputs), rtol=1e-11, atol=1e-13)


@every_loss
@every_shape
def test_the_gradient_is_that_of_finite_differences(loss, backend, to_numpy, finite_differences, shape):
    y, outputs = example(loss, shape, seed=3)
    labels = backend.asarray(y)
    _, gradient = loss(labels, backend.asarray(outputs))
    expected = finite_differences(lambda point: loss(labels, point)[0], outputs)
    np.testing.assert_allclose(to_numpy(gradient), expected, rtol=1e-7, atol=1e-9)


@of_entries
def test_outputs_of_one_axis_are_taken_entry_by_entry(loss, backend, to_numpy):
    y, outputs = example(loss, (6,))
    value, gradient = loss(backend.asarray(y), backend.asarray(outputs))
    assert float(to_numpy(value)) == pytest.approx(REFERENCES[loss](y, outputs), rel=1e-12)
    assert gradient.shape == (6,)


@every_loss
def test_the_loss_of_a_batch_twice_over_is_the_same_and_its_gradient_half(loss, backend, to_numpy):
    y, outputs = example(loss, (4, 3))
    value, gradient = map(to_numpy, loss(backend.asarray(y), backend.asarray(outputs)))
    twice = [backend.asarray(np.concatenate([array, array])) for array in (y, outputs)]
    value_of_both, gradient_of_both = map(to_numpy, loss(*twice))
    assert float(value_of_both) == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(gradient_of_both, np.concatenate([gradient, gradient]) / 2, rtol=1e-12)


@every_loss
@pytest.mark.parametrize("shape", [(0, 3), (0, 2, 3), (2, 0, 3)], ids=str)
def test_a_batch_without_entries_has_loss_0(loss, backend, to_numpy, dtype, shape):
    y, outputs = example(loss, shape)
    value, gradient = loss(backend.asarray(y), backend.asarray(outputs, dtype))
    assert float(to_numpy(value)) == 0.0
    assert gradient.shape == shape


@with_label_dtype
@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 4)], ids=str)
def test_value_and_gradient_have_the_dtype_and_device_of_the_outputs(loss, label_dtype, backend, dtype, shape):
    labels = np.zeros(shape[:-1] if isinstance(loss, SPARSE) else shape, dtype=label_dtype)
    outputs = backend.asarray(np.full(shape, 0.5), dtype)
    value, gradient = loss(backend.asarray(labels), outputs)
    assert type(value) is type(gradient) is type(outputs)
    assert value.shape == ()
    assert gradient.shape == shape
    for result in (value, gradient):
        assert backend.owns(result)
        assert result.dtype == backend.dtype(dtype)


@with_label_dtype
def test_labels_of_every_dtype_count_as_numbers(loss, label_dtype, backend, to_numpy):
    _, outputs = example(loss, (4, 3))
    classes = np.asarray([0, 1, 2, 1])
    labels = classes if isinstance(loss, SPARSE) else np.eye(3)[classes]
    expected = loss(backend.asarray(labels), backend.asarray(outputs))
    results = loss(backend.asarray(labels.astype(label_dtype)), backend.asarray(outputs))
    for result, wanted in zip(results, expected, strict=True):
        assert np.array_equal(to_numpy(result), to_numpy(wanted))


@every_loss
def test_nothing_is_overwritten(loss, backend, unchanged, dtype):
    y, outputs = example(loss, (4, 3))
    true = backend.asarray(y, None if isinstance(loss, SPARSE) else dtype)
    predicted = backend.asarray(outputs, dtype)
    with unchanged(true, predicted):
        loss(true, predicted)


@every_loss
def test_nan_stays_visible(loss, backend, to_numpy, dtype):
    y, outputs = example(loss, (4, 3))
    y[...] = 1
    outputs[2, 1] = np.nan
    value, gradient = loss(backend.asarray(y), backend.asarray(outputs, dtype))
    assert math.isnan(float(to_numpy(value)))
    assert np.isnan(to_numpy(gradient)[2, 1])


class TestLargeLogits:
    @pytest.mark.parametrize("label", [0.0, 0.25, 1.0])
    @pytest.mark.parametrize("logit", [-1000.0, -100.0, 0.0, 100.0, 1000.0])
    def test_binary(self, backend, to_numpy, dtype, label, logit):
        value, gradient = map(to_numpy, BINARY()(backend.asarray([label], dtype), backend.asarray([logit], dtype)))
        p = 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0
        assert float(value) == pytest.approx(
            max(logit, 0) - logit * label + math.log1p(math.exp(-abs(logit))), rel=1e-6
        )
        assert float(gradient[0]) == pytest.approx(p - label, rel=1e-6, abs=1e-30)

    @pytest.mark.parametrize("kind", [CATEGORICAL, SPARSE])
    def test_categorical(self, backend, to_numpy, dtype, kind):
        labels = np.asarray([0, 1, 2, 0])
        true = backend.asarray(labels) if kind is SPARSE else backend.asarray(np.eye(3)[labels], dtype)
        logits = backend.asarray([[1000.0, -1000, 0], [1000, -1000, 0], [1000, -1000, 0], [1000, 1000, 1000]], dtype)
        value, gradient = map(to_numpy, kind()(true, logits))
        assert float(value) == pytest.approx((0 + 2000 + 1000 + math.log(3)) / 4, rel=1e-6)
        expected = np.asarray([[0, 0, 0], [1, -1, 0], [1, 0, -1], [1 / 3 - 1, 1 / 3, 1 / 3]]) / 4
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-30)

    @of_logits
    @pytest.mark.parametrize("size", [1000.0, 1e6])
    def test_all_are_finite(self, loss, backend, to_numpy, dtype, size):
        y, outputs = example(loss, (20, 4))
        for signs in (1, -1, np.sign(outputs)):
            results = loss(backend.asarray(y), backend.asarray(np.full(outputs.shape, size) * signs, dtype))
            assert all(np.all(np.isfinite(to_numpy(result))) for result in results)


class TestProbabilities:
    @of_probabilities
    def test_of_0_and_1_give_finite_numbers(self, loss, backend, to_numpy, dtype):
        labels = np.asarray([0, 0, 1, 1])
        true = labels if isinstance(loss, SPARSE) else np.eye(2)[labels]
        outputs = backend.asarray([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]], dtype)
        value, gradient = map(to_numpy, loss(backend.asarray(true), outputs))
        assert float(value) == pytest.approx(-math.log(1e-7) / 2, rel=0.02)
        assert np.all(np.isfinite(gradient))
        wrong, right = gradient[[1, 3]], gradient[[0, 2]]
        assert np.abs(wrong).max() > 1e5
        assert np.abs(right).max() < 1.0

    def test_categorical_ones_are_not_scaled_to_a_sum_of_one(self, backend, to_numpy):
        value, _ = CATEGORICAL(from_logits=False)(backend.asarray([[1.0, 0.0]]), backend.asarray([[0.25, 0.25]]))
        assert float(to_numpy(value)) == pytest.approx(math.log(4))

    @pytest.mark.parametrize("kind", [BINARY, CATEGORICAL])
    def test_of_logits_give_the_loss_of_the_logits(self, backend, to_numpy, kind):
        y, logits = example(kind(), (5, 3))
        odds = np.exp(logits)
        p = odds / (1 + odds) if kind is BINARY else odds / odds.sum(axis=-1, keepdims=True)
        of_logits, _ = kind()(backend.asarray(y), backend.asarray(logits))
        of_p, _ = kind(from_logits=False)(backend.asarray(y), backend.asarray(p))
        assert float(to_numpy(of_p)) == pytest.approx(float(to_numpy(of_logits)), rel=1e-12)


class TestSparse:
    @pytest.mark.parametrize("from_logits", [True, False])
    @pytest.mark.parametrize("label_dtype", ["int8", "uint8", "int32", "int64", "uint64"])
    def test_it_is_the_categorical_loss_of_one_hot_labels(self, backend, to_numpy, dtype, from_logits, label_dtype):
        y, outputs = example(SPARSE(from_logits), (4, 5))
        sparse = SPARSE(from_logits)(backend.asarray(y.astype(label_dtype)), backend.asarray(outputs, dtype))
        dense = CATEGORICAL(from_logits)(backend.asarray(np.eye(5)[y], dtype), backend.asarray(outputs, dtype))
        for one, other in zip(sparse, dense, strict=True):
            assert np.array_equal(to_numpy(one), to_numpy(other))

    @pytest.mark.parametrize("label_dtype", ["int8", "uint8"])
    def test_there_may_be_more_classes_than_the_labels_dtype_can_count(self, backend, to_numpy, label_dtype):
        labels = np.asarray([3], dtype=label_dtype)
        value, gradient = SPARSE()(backend.asarray(labels), backend.asarray(np.zeros((1, 300))))
        assert float(to_numpy(value)) == pytest.approx(math.log(300))
        assert np.flatnonzero(to_numpy(gradient) < 0).tolist() == [3]

    @pytest.mark.parametrize("label", [-1, 3, 255])
    def test_a_class_that_is_none_makes_the_loss_nan(self, backend, to_numpy, dtype, label):
        value, _ = SPARSE()(backend.asarray(np.asarray([0, label])), backend.asarray(np.zeros((2, 3)), dtype))
        assert math.isnan(float(to_numpy(value)))

    @pytest.mark.parametrize("call", ["__call__", "check_labels"])
    @pytest.mark.parametrize("label_dtype", ["float32", "float64", "bool"])
    def test_labels_that_are_no_integers_are_refused(self, backend, call, label_dtype):
        labels = backend.asarray(np.zeros(2, dtype=label_dtype))
        other = (3,) if call == "check_labels" else backend.asarray(np.zeros((2, 3)))
        with pytest.raises(
            TypeError, match=rf"SparseCategoricalCrossentropy takes class numbers .*; got .*{label_dtype}"
        ):
            getattr(SPARSE(), call)(labels, other)

    @pytest.mark.parametrize(
        ("labels", "remedy"),
        [
            (np.zeros(2), "float64: convert them with y.astype(int)"),
            (np.zeros(2, dtype=bool), "bool: convert them with y.astype(int)"),
            (np.zeros((2, 1)), "float64: convert them with y.astype(int)"),
            (np.eye(3)[:2], "float64: for one-hot labels use CategoricalCrossentropy"),
            (np.eye(3, dtype=int)[:2], "(2, 3): for one-hot labels use CategoricalCrossentropy"),
            (np.zeros((2, 1), dtype=int), "(2, 1)"),
        ],
    )
    def test_the_advice_follows_the_shape_of_the_labels(self, labels, remedy):
        with pytest.raises((TypeError, ValueError)) as refusal:
            SPARSE().check_labels(labels, (3,))
        assert str(refusal.value).endswith(remedy)


@every_loss
@pytest.mark.parametrize("true", [(4, 2), (4, 1), (3, 4), (4, 3, 1), (4, 1, 3)], ids=str)
@pytest.mark.parametrize("call", ["__call__", "check_labels"])
def test_labels_of_another_shape_are_refused(loss, backend, call, true):
    labels = backend.asarray(np.zeros(true, dtype="int64"))
    other = (3,) if call == "check_labels" else backend.asarray(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=f"{type(loss).__name__} needs `y_true` of ") as refusal:
        getattr(loss, call)(labels, other)
    assert str(true) in str(refusal.value)


@pytest.mark.parametrize(
    ("loss", "true"),
    [(CATEGORICAL(), (4,)), (CATEGORICAL(), (3, 3)), (SPARSE(), (3,)), (SPARSE(), (4, 3)), (Mse(), (4,)), (Mse(), ())],
)
def test_class_numbers_are_not_taken_for_one_hot_labels_nor_broadcast(loss, backend, true):
    labels = backend.asarray(np.zeros(true, dtype="int64"))
    with pytest.raises(ValueError, match=rf"needs `y_true` of .*\(4, 3\).*; got {re.escape(str(true))}"):
        loss(labels, backend.asarray(np.zeros((4, 3))))


@every_loss
def test_a_list_is_refused(loss, backend):
    with pytest.raises(TypeError):
        loss([[1.0, 0.0]], backend.asarray(np.ones((1, 2))))


class TestCheckLabels:
    @pytest.mark.parametrize(
        ("loss", "labels"),
        [
            (BINARY(), [[0.0, 1.0], [0.5, 0.25]]),
            (CATEGORICAL(), [[0.0, 1.0], [1.0, 0.0]]),
            (CATEGORICAL(), [[0, 1], [1, 0]]),
            (SPARSE(), [0, 1]),
            (Mse(), [[-1e6, 1e6], [0.0, 3.0]]),
            (BINARY(), [[True, False], [False, False]]),
        ],
        ids=repr,
    )
    def test_labels_that_fit_pass(self, backend, loss, labels):
        assert loss.check_labels(backend.asarray(labels), (2,)) is None

    @pytest.mark.parametrize(
        ("loss", "labels", "words"),
        [
            (BINARY(), [[0.0, 1.5]], "BinaryCrossentropy takes labels from 0 to 1; got labels from 0 to 1.5"),
            (BINARY(), [[-0.5, 1.0]], "BinaryCrossentropy takes labels from 0 to 1; got labels from -0.5 to 1"),
            (CATEGORICAL(), [[0.0, 2.0]], "CategoricalCrossentropy takes labels from 0 to 1; got labels from 0 to 2"),
            (CATEGORICAL(), [[-1, 1]], "CategoricalCrossentropy takes labels from 0 to 1; got labels from -1 to 1"),
            (SPARSE(), [0, 2], "SparseCategoricalCrossentropy takes labels from 0 to 1; got labels from 0 to 2"),
            (SPARSE(), [1, -1], "SparseCategoricalCrossentropy takes labels from 0 to 1; got labels from -1 to 1"),
            (Mse(), [[0.0, float("nan")]], "Mse takes finite labels; got labels from nan to nan"),
            (Mse(), [[0.0, float("inf")]], "Mse takes finite labels; got labels from 0 to inf"),
            (
                BINARY(),
                [[0.0, float("nan")]],
                "BinaryCrossentropy takes labels from 0 to 1; got labels from nan to nan",
            ),
        ],
    )
    def test_labels_outside_the_range_are_refused(self, backend, loss, labels, words):
        with pytest.raises(ValueError, match=f"^{words}$"):
            loss.check_labels(backend.asarray(labels), (2,))


def test_the_kind_of_output_is_part_of_a_loss():
    assert BINARY() == BINARY(from_logits=True) != BINARY(from_logits=False)
    assert CATEGORICAL(False) != SPARSE(False)
    assert repr(SPARSE()) == "SparseCategoricalCrossentropy(from_logits=True)"
    assert repr(Mse()) == "Mse()"
