"""Cross-entropy for labels that are class numbers."""

from array_api_compat import array_namespace

from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.losses._crossentropy import Crossentropy
from cutedl_xp.losses.categorical_crossentropy import CategoricalCrossentropy

_FOR_ONE_HOT = "for one-hot labels use CategoricalCrossentropy"


class SparseCategoricalCrossentropy(Crossentropy):
    """Categorical cross-entropy for labels that are class numbers: the mean over samples of -log p[y].

    Parameters
    ----------
    from_logits
        As for :class:`CategoricalCrossentropy`; default True.
    label_smoothing
        As for :class:`CategoricalCrossentropy`; default 0.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Notes
    -----
    ``y_true`` holds integers from 0 to classes - 1 in the shape of ``y_pred`` without its last axis. Any other number
    makes the loss NaN; ``Session.fit`` refuses such labels before it starts.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.losses import SparseCategoricalCrossentropy
    >>> value, gradient = SparseCategoricalCrossentropy()(np.array([0]), np.array([[0.0, 0.0]]))
    >>> round(float(value), 4), gradient.tolist()
    (0.6931, [[-0.5, 0.5]])
    """

    compilable = True

    def _dense(self) -> CategoricalCrossentropy:
        """Return the loss of one-hot labels."""
        return CategoricalCrossentropy(self.from_logits, self.label_smoothing)

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        one_hot = _encode_one_hot(backend, y_true, y_pred)
        return self._dense().value_and_gradient(backend, one_hot, y_pred)

    def weighted_value_and_gradient(
        self, backend: Backend, y_true: Array, y_pred: Array, share: Array
    ) -> tuple[Array, Array]:
        one_hot = _encode_one_hot(backend, y_true, y_pred)
        return self._dense().weighted_value_and_gradient(backend, one_hot, y_pred, share)

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        one_hot = _encode_one_hot(backend, y_true, y_pred)
        return self._dense().value(backend, one_hot, y_pred)

    def expand_labels(self, y_true: Array, predicted: Shape) -> Array:
        return y_true  # class numbers lack the last axis of the outputs

    def check_shape(self, true: Shape, predicted: Shape) -> None:
        self.check_classes(predicted)
        if true != predicted[:-1]:
            raise ValueError(
                f"{type(self).__name__} needs `y_true` of shape {predicted[:-1]}, the model's output {predicted} "
                f"without its classes; got {true}{f': {_FOR_ONE_HOT}' if true == predicted else ''}"
            )

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return 0.0, output_shape[-1] - 1.0

    def _check_dtype(self, y_true: Array) -> None:
        if not array_namespace(y_true).isdtype(y_true.dtype, "integral"):
            remedy = _FOR_ONE_HOT if y_true.ndim == 2 and y_true.shape[1] > 1 else "convert them with y.astype(int)"
            raise TypeError(
                f"{type(self).__name__} takes class numbers of an integer dtype; got {y_true.dtype}: {remedy}"
            )


def _encode_one_hot(backend: Backend, y_true: Array, y_pred: Array) -> Array:
    xp, classes = backend.xp, y_pred.shape[-1]
    numbers = xp.arange(classes, dtype=backend.index_dtype, device=backend.device)
    numbers = xp.reshape(numbers, (1,) * y_true.ndim + (classes,))  # JAX may refuse to combine different ranks
    labels = xp.expand_dims(xp.astype(y_true, numbers.dtype, copy=False), axis=-1)
    encoded: Array = backend.elementwise(_one_hot, y_pred, labels, numbers, classes)
    return encoded


def _one_hot(xp: Namespace, like: Array, labels: Array, numbers: Array, classes: int) -> Array:
    """Return 1 at the class of each sample, else 0, in the dtype of ``like``; NaN for numbers without a class."""
    known = (labels >= 0) & (labels < classes)
    return xp.where(known, xp.astype(labels == numbers, like.dtype), float("nan"))
