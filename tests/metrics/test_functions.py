"""Accuracy, compared with counts one by one, for shapes, kinds of labels and unusual input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp.metrics import accuracy, binary_accuracy
from cutedl_xp.metrics.functions import count_binary_hits, count_hits


@given(
    lead=st.sampled_from([(), (1,), (7,), (2, 3)]),
    classes=st.integers(2, 5),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["one-hot", "one-hot truth values", "class numbers"]),
    label_dtype=st.sampled_from(["uint8", "int64", "uint64", "float32"]),
)
def test_it_is_the_share_of_samples_that_are_right(backend, to_numpy, dtype, lead, classes, seed, kind, label_dtype):
    draw = np.random.default_rng(seed)
    outputs = draw.normal(size=(*lead, classes)).astype(dtype)
    labels = draw.integers(0, classes, size=lead).astype(label_dtype)
    right = [max(range(classes), key=row.tolist().__getitem__) == label
             for row, label in zip(outputs.reshape(-1, classes), labels.ravel(), strict=True)]  # fmt: skip
    one_hot = np.eye(classes, dtype=bool if kind == "one-hot truth values" else dtype)[labels.astype(int)]
    true = labels if kind == "class numbers" else one_hot
    result = accuracy(backend.asarray(np.asarray(true)), backend.asarray(outputs))
    assert float(to_numpy(result)) == pytest.approx(sum(right) / len(right), rel=1e-6)


def test_the_result_is_a_0d_array_of_the_outputs_dtype_and_device(backend, dtype):
    result = accuracy(backend.asarray([0, 1]), backend.asarray([[2.0, 1.0], [3.0, 0.0]], dtype))
    assert backend.owns(result)
    assert result.shape == ()
    assert result.dtype == backend.dtype(dtype)


def test_the_first_of_equal_outputs_counts(backend, to_numpy):
    result = accuracy(backend.asarray([0, 1, 2]), backend.asarray(np.zeros((3, 3))))
    assert float(to_numpy(result)) == pytest.approx(1 / 3)


def test_soft_labels_count_as_their_largest_entry(backend, to_numpy):
    true = backend.asarray([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    outputs = backend.asarray([[5.0, 1.0, 0.0], [5.0, 1.0, 0.0]])
    assert float(to_numpy(accuracy(true, outputs))) == 0.5


def test_nothing_is_overwritten(backend, unchanged):
    true, outputs = backend.asarray([1, 0]), backend.asarray([[1.0, 2.0], [3.0, 4.0]])
    with unchanged(true, outputs):
        accuracy(true, outputs)


@pytest.mark.parametrize(
    ("true", "predicted"), [((3,), (4, 2)), ((4, 3), (4, 2)), ((4, 1), (4, 2)), ((), (4, 2)), ((4,), (4, 1, 2))]
)
def test_shapes_that_do_not_fit_are_refused(backend, true, predicted):
    with pytest.raises(ValueError, match=r"accuracy needs `y_true` of shape .* or .*; got") as refusal:
        accuracy(backend.asarray(np.zeros(true, dtype=int)), backend.asarray(np.zeros(predicted)))
    for shape in (true, predicted, predicted[:-1]):
        assert str(shape) in str(refusal.value)


def test_an_output_without_classes_is_refused(backend):
    for shape in ((), (5, 1), (1,), (3, 0)):
        with pytest.raises(ValueError, match=r"two classes or more; got shape .*: use binary_accuracy"):
            accuracy(backend.asarray(np.zeros(shape)), backend.asarray(np.zeros(shape)))


@pytest.mark.parametrize("label_dtype", ["uint8", "bool", "float32"])
def test_binary_accuracy_is_the_share_of_logits_of_the_right_sign(backend, to_numpy, dtype, label_dtype):
    true = backend.asarray(np.array([[1], [0], [1], [0]], label_dtype))
    result = binary_accuracy(true, backend.asarray([[2.0], [-1.0], [-3.0], [0.0]], dtype))
    assert float(to_numpy(result)) == 0.75
    assert (result.shape, result.dtype) == ((), backend.dtype(dtype))


def test_binary_accuracy_of_probabilities(backend, to_numpy, dtype):
    true = backend.asarray(np.array([[1], [0], [1], [0]]))
    outputs = backend.asarray([[0.6], [0.4], [0.4], [0.5]], dtype)
    assert float(to_numpy(binary_accuracy(true, outputs, from_logits=False))) == 0.75
    assert float(to_numpy(binary_accuracy(true, outputs))) == 0.5


def test_hits_are_counted_exactly(backend, to_numpy):
    labels = np.arange(3000).reshape(1000, 3) % 7 == 0
    logits = backend.asarray(np.ones((1000, 3)), "float32")
    hits, entries = count_binary_hits(backend.asarray(labels), logits)
    assert (float(to_numpy(hits)), entries) == (labels.sum(), 3000)
    hits, samples = count_hits(backend.asarray(np.arange(1000) % 3), logits)
    assert (float(to_numpy(hits)), samples) == (334, 1000)
    assert (hits.shape, hits.dtype) == ((), logits.dtype)


def test_binary_accuracy_refuses_labels_of_another_shape(backend):
    with pytest.raises(ValueError, match=r"`y_true` of shape \(3, 1\); got \(3,\)"):
        binary_accuracy(backend.asarray(np.zeros(3)), backend.asarray(np.zeros((3, 1))))


def test_lists_are_refused():
    with pytest.raises(TypeError):
        accuracy([0], [[1.0, 0.0]])
