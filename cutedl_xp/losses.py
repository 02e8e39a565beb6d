"""Loss functions: each call returns the loss and its gradient, and keeps nothing.

Every loss is a mean over the batch, so its size does not depend on the batch's. The gradient is that of this mean.
"""

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod

from array_api_compat import array_namespace

from cutedl_xp import _numerics
from cutedl_xp._checks import check_boolean
from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend, backend_of, check_together, describe

_LARGEST = sys.float_info.max
_SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1 before a logarithm; in float32, 1 - 1e-7 still differs from 1."""


class Loss(ABC):
    """What a loss answers.

    Calling it, ``loss(y_true, y_pred)``, returns ``(value, gradient)``: a 0-d array, and an array of ``y_pred``'s
    shape, both of its dtype and on its device. One of your own gives its formula in :meth:`value_and_gradient`.
    """

    def __call__(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """The loss and its gradient with respect to ``y_pred``.

        Raises
        ------
        TypeError
            If they are arrays of two libraries or devices, or of a dtype that the loss does not take.
        ValueError
            If their shapes do not fit.
        """
        backend = backend_of(y_pred)
        check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
        if not backend.xp.isdtype(y_pred.dtype, "real floating"):
            raise TypeError(f"`y_pred` must be a floating-point array; got {describe(y_pred)}")
        self._check_dtype(y_true)
        self.check_shape(tuple(y_true.shape), tuple(y_pred.shape))
        value, gradient = self.value_and_gradient(backend, y_true, y_pred)
        return backend.xp.asarray(value), gradient

    def check_labels(self, y_true: Array, output_shape: Shape) -> None:
        """Refuse labels that do not fit a model's outputs, looking at every one of them.

        Meant for once before a training: it waits for the device.

        Parameters
        ----------
        y_true
            All labels, shape ``(n, ...)``.
        output_shape
            The shape of the model's output for one sample.
        """
        self._check_dtype(y_true)
        self.check_shape(tuple(y_true.shape), (y_true.shape[0], *output_shape))
        low, high = self._label_range(output_shape)
        xp: Namespace = array_namespace(y_true)
        if xp.isdtype(y_true.dtype, "bool"):
            y_true = xp.astype(y_true, xp.uint8)  # the standard has no smallest of truth values
        smallest, largest = backend_of(y_true).to_numpy(xp.stack([xp.min(y_true), xp.max(y_true)])).tolist()
        if not low <= smallest <= largest <= high:
            allowed = "finite labels" if high == _LARGEST else f"labels from {low:g} to {high:g}"
            raise ValueError(f"{type(self).__name__} takes {allowed}; got labels from {smallest:g} to {largest:g}")

    def check_shape(self, true: Shape, predicted: Shape) -> None:
        """Refuse labels whose shape does not fit the outputs' shape."""
        if true != predicted:
            raise ValueError(
                f"{type(self).__name__} needs `y_true` of the shape of the model's output {predicted}; got {true}"
            )

    def _check_dtype(self, y_true: Array) -> None:
        """Refuse labels of a dtype that is not theirs."""

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return -_LARGEST, _LARGEST

    @abstractmethod
    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """The same as a call, without the checks: for a training, whose labels were all looked at before.

        Parameters
        ----------
        backend
            That of both arrays.
        y_true, y_pred
            Arrays that fit.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Mse(Loss):
    """Mean squared error: the mean of (p - y)² over all entries; gradient 2 (p - y) / entries.

    ``y_true`` y and ``y_pred`` p have the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import Mse
    >>> value, gradient = Mse()(np.array([[0.0, 1.0]]), np.array([[2.0, 1.0]]))
    >>> float(value), gradient.tolist()
    (2.0, [[2.0, 0.0]])
    """

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        squares, gradient = backend.elementwise(_squares_and_gradient, y_true, y_pred, 2.0 * scale)
        return backend.sum(squares) * scale, gradient


def _squares_and_gradient(xp: Namespace, y: Array, p: Array, factor: float) -> tuple[Array, Array]:
    difference = p - y
    return difference * difference, difference * factor


@dataclass(frozen=True)
class _Crossentropy(Loss):
    """A loss of logits, or of the probabilities that they stand for."""

    from_logits: bool = True

    def __post_init__(self) -> None:
        check_boolean("from_logits", self.from_logits)

    def _check_classes(self, predicted: Shape) -> None:
        if not predicted:
            raise ValueError(f"{type(self).__name__} needs `y_pred` with a last axis of classes; got shape ()")


class BinaryCrossentropy(_Crossentropy):
    """Binary cross-entropy: the mean of -(y log p + (1 - y) log(1 - p)) over all entries.

    Parameters
    ----------
    from_logits
        Whether ``y_pred`` holds logits z, with p = sigmoid(z). Then the loss is log(1 + exp(z)) - z y, finite for
        logits of any size, and its gradient (p - y) / entries. If not, it holds probabilities p, which are kept
        within [1e-7, 1 - 1e-7].

    Notes
    -----
    ``y_true`` y has the shape of ``y_pred`` and lies in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import BinaryCrossentropy
    >>> value, gradient = BinaryCrossentropy()(np.array([1.0, 0.0]), np.array([1000.0, 0.0]))
    >>> round(float(value), 4), gradient.tolist()
    (0.3466, [0.0, 0.25])
    """

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        formula = _binary_of_logits if self.from_logits else _binary_of_probabilities
        terms, gradient = backend.elementwise(formula, y_true, y_pred, scale)
        return backend.sum(terms) * scale, gradient

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return 0.0, 1.0


def _binary_of_logits(xp: Namespace, y: Array, z: Array, scale: float) -> tuple[Array, Array]:
    return _numerics.softplus_minus(xp, z, z * y), (_numerics.sigmoid(xp, z) - y) * scale


def _binary_of_probabilities(xp: Namespace, y: Array, p: Array, scale: float) -> tuple[Array, Array]:
    p = xp.minimum(xp.maximum(p, _SMALLEST), 1.0 - _SMALLEST)
    return -(y * xp.log(p) + (1.0 - y) * xp.log1p(-p)), (p - y) / (p * (1.0 - p)) * scale


class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy between distributions over classes: the mean over samples of -sum(y log p) over the last axis.

    Parameters
    ----------
    from_logits
        Whether ``y_pred`` holds logits z, with p = softmax(z). Then log p = z - log(sum(exp(z))) is computed without
        the quotient, finite for logits of any size, and the gradient is (p sum(y) - y) / samples. If not, it holds
        probabilities p, which are kept above 1e-7 and are not scaled to a sum of 1.

    Notes
    -----
    ``y_true`` y has the shape of ``y_pred``, ``(..., classes)``: one-hot, or any distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import CategoricalCrossentropy
    >>> value, gradient = CategoricalCrossentropy()(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]))
    >>> round(float(value), 4), gradient.tolist()
    (0.6931, [[-0.5, 0.5]])
    """

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape[:-1]), 1)
        y_true = backend.convert(y_true, y_pred.dtype, None)
        if self.from_logits:
            return backend.softmax_crossentropy(y_true, y_pred, scale)
        terms, gradient = backend.elementwise(_categorical_of_probabilities, y_true, y_pred, scale)
        return backend.sum(terms) * scale, gradient

    def check_shape(self, true: Shape, predicted: Shape) -> None:
        self._check_classes(predicted)
        super().check_shape(true, predicted)

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return 0.0, 1.0


def _categorical_of_probabilities(xp: Namespace, y: Array, p: Array, scale: float) -> tuple[Array, Array]:
    p = xp.maximum(p, _SMALLEST)
    return -(y * xp.log(p)), -y / p * scale


class SparseCategoricalCrossentropy(_Crossentropy):
    """Categorical cross-entropy for labels that are class numbers: the mean over samples of -log p[y].

    Parameters
    ----------
    from_logits
        As in :class:`CategoricalCrossentropy`, which does the arithmetic.

    Notes
    -----
    ``y_true`` holds integers from 0 to classes - 1 in the shape of ``y_pred`` without its last axis. A number outside
    makes the loss NaN; ``Session.fit`` refuses such labels before it starts.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import SparseCategoricalCrossentropy
    >>> value, gradient = SparseCategoricalCrossentropy()(np.array([0]), np.array([[0.0, 0.0]]))
    >>> round(float(value), 4), gradient.tolist()
    (0.6931, [[-0.5, 0.5]])
    """

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        xp, classes = backend.xp, y_pred.shape[-1]
        numbers = xp.arange(classes, device=backend.device)  # of the default dtype; a label's may be too small
        labels = xp.expand_dims(xp.astype(y_true, numbers.dtype, copy=False), axis=-1)
        one_hot = backend.elementwise(_one_hot, y_pred, labels, numbers, classes)
        return CategoricalCrossentropy(self.from_logits).value_and_gradient(backend, one_hot, y_pred)

    def check_shape(self, true: Shape, predicted: Shape) -> None:
        self._check_classes(predicted)
        if true != predicted[:-1]:
            raise ValueError(
                f"{type(self).__name__} needs `y_true` of shape {predicted[:-1]}, the model's output {predicted} "
                f"without its classes; got {true}"
            )

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return 0.0, output_shape[-1] - 1.0

    def _check_dtype(self, y_true: Array) -> None:
        if not array_namespace(y_true).isdtype(y_true.dtype, "integral"):
            raise TypeError(
                f"{type(self).__name__} takes class numbers of an integer dtype; got {y_true.dtype}: "
                "for one-hot labels use CategoricalCrossentropy"
            )


def _one_hot(xp: Namespace, like: Array, labels: Array, numbers: Array, classes: int) -> Array:
    """1 where a class has its sample's number, else 0, of a dtype; NaN where the number is that of no class."""
    known = (labels >= 0) & (labels < classes)
    return xp.where(known, xp.astype(labels == numbers, like.dtype), float("nan"))
