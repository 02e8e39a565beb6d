"""Compensated sums on the device, and the shapes of labels and weights."""

from math import prod
from typing import Any

from array_api_compat import array_namespace, device

from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend, check_together

Sum = tuple[Array, Array]
"""Sum, and its rounding error (Kahan summation)."""


def zero(backend: Backend, dtype: Any, shape: Shape = ()) -> Sum:
    """Return a sum of 0."""
    return (
        backend.xp.zeros(shape, dtype=dtype, device=backend.device),
        backend.xp.zeros(shape, dtype=dtype, device=backend.device),
    )


def add(total: Sum, value: Array) -> Sum:
    """Return a sum with a value added."""
    added = value + total[1]
    larger = total[0] + added
    return larger, added - (larger - total[0])


def read(total: Any) -> Any:
    """Return the value of a sum whose arrays are on the host, in float64."""
    return total[0].astype("float64") + total[1]


def spread(xp: Any, sample_weight: Array | None, like: Array) -> Any:
    """Return the weights of the samples in the shape and dtype of an array whose first axis counts samples."""
    if sample_weight is None:
        return xp.ones_like(like)
    weight = xp.reshape(xp.astype(sample_weight, like.dtype, copy=False), (-1,) + (1,) * (like.ndim - 1))
    return xp.broadcast_to(weight, like.shape)


def same_shape(metric: str, y_true: Array, y_pred: Array) -> Array:
    """Return labels in the shape and dtype of the outputs; labels of a single output may lack the last axis."""
    check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
    xp: Namespace = array_namespace(y_pred)
    true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
    if true != predicted and not (true == predicted[:1] and prod(predicted[1:]) == 1):
        raise ValueError(f"{metric} needs `y_true` of shape {predicted}; got {true}")
    return xp.reshape(xp.astype(y_true, y_pred.dtype, copy=False), predicted)


def class_numbers(metric: str, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Return the true and the predicted class numbers, both of shape ``(samples, ...)``."""
    check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
    xp: Namespace = array_namespace(y_pred)
    true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
    if len(predicted) < 2 or predicted[-1] < 2:
        raise ValueError(f"{metric} needs outputs of two classes or more; got shape {predicted}: use BinaryAccuracy")
    if true not in (predicted, predicted[:-1]):
        raise ValueError(f"{metric} needs `y_true` of shape {predicted[:-1]} or {predicted}; got {true}")
    found = xp.argmax(y_pred, axis=-1)
    if true == predicted:
        y_true = xp.argmax(xp.astype(y_true, y_pred.dtype, copy=False), axis=-1)
    return xp.astype(y_true, found.dtype, copy=False), found


def one_hot(xp: Any, numbers: Array, classes: int) -> Any:
    """Return truth values of shape ``(..., classes)`` from class numbers."""
    return numbers[..., None] == row_of_classes(xp, numbers, classes)


def row_of_classes(xp: Any, numbers: Array, classes: int) -> Any:
    """Return the numbers of all classes in shape ``(1, ..., 1, classes)``, with one axis more than ``numbers``."""
    row = xp.arange(classes, dtype=numbers.dtype, device=device(numbers))
    return xp.reshape(row, (*(1 for _ in numbers.shape), classes))
