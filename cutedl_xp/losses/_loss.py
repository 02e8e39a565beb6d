"""Base class of losses."""

import sys
from abc import ABC, abstractmethod
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp._compilable import Compilable
from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend, backend_of, check_together, describe

_LARGEST = sys.float_info.max


class Loss(Compilable, ABC):
    """Base class of losses; a class of your own defines :meth:`~cutedl_xp.losses.Loss.value_and_gradient`.

    Attributes
    ----------
    compilable
        Whether the loss may be part of a compiled training step, by default False. A class that sets it to True in its
        own body promises that its methods contain no Python branch on the values of arrays, keep no part of a batch,
        and read nothing that changes during a training. Subclasses do not inherit it.

    Examples
    --------
    A loss that is the mean of the absolute errors:

    >>> import math
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> class MeanAbsoluteError(cdl.losses.Loss):
    ...     compilable = True
    ...
    ...     def value_and_gradient(self, backend, y_true, y_pred):
    ...         xp, difference = backend.xp, y_pred - y_true
    ...         return xp.mean(xp.abs(difference)), xp.sign(difference) / math.prod(difference.shape)
    >>> value, gradient = MeanAbsoluteError()(np.zeros((2, 2)), np.array([[3.0, 1.0], [-4.0, 0.0]]))
    >>> float(value), gradient.tolist()
    (2.0, [[0.25, 0.25], [-0.25, 0.0]])
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Replace an inherited :meth:`value` by the default where :meth:`value_and_gradient` is defined after it."""
        super().__init_subclass__(**options)
        latest = next(each for each in cls.__mro__ if vars(each).keys() & {"value", "value_and_gradient"})
        if "value" not in vars(latest):
            cls.value = Loss.value  # type: ignore[method-assign]  # the inherited method is that of another loss
        names = {"weighted_value_and_gradient", "value_and_gradient"}
        latest = next(each for each in cls.__mro__ if vars(each).keys() & names)
        if "weighted_value_and_gradient" not in vars(latest):
            cls.weighted_value_and_gradient = Loss.weighted_value_and_gradient  # type: ignore[method-assign]

    def __call__(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
        """Return the loss, a 0-d array, and its gradient with respect to ``y_pred``, both of the dtype of ``y_pred``.

        Parameters
        ----------
        y_true, y_pred
            Labels and outputs of the samples. Labels for outputs of one unit may have the shape ``(samples,)``.
        sample_weight
            Weight of each sample, shape ``(samples,)``, at least 0; default None, equal weights.

        Returns
        -------
        tuple of Array
            The loss and the gradient.

        Raises
        ------
        TypeError
            If the arrays are of two libraries or devices, or of a dtype that the loss does not support.
        ValueError
            If the shapes do not fit.
        """
        backend = backend_of(y_pred)
        check_together("`y_true`", y_true, "`y_pred`", y_pred, same_dtype=False)
        if not backend.xp.isdtype(y_pred.dtype, "real floating"):
            raise TypeError(f"`y_pred` must be a floating-point array; got {describe(y_pred)}")
        self._check_dtype(y_true)
        y_true = self.expand_labels(y_true, tuple(y_pred.shape))
        self.check_shape(tuple(y_true.shape), tuple(y_pred.shape))
        with backend.ignore_underflow():
            if sample_weight is None:
                value, gradient = self.value_and_gradient(backend, y_true, y_pred)
            else:
                self.check_takes_weights()
                check_together("`sample_weight`", sample_weight, "`y_pred`", y_pred, same_dtype=False)
                if tuple(sample_weight.shape) != tuple(y_pred.shape[:1]):
                    raise ValueError(
                        f"`sample_weight` must have the shape {tuple(y_pred.shape[:1])}, one weight for each sample; "
                        f"got {tuple(sample_weight.shape)}"
                    )
                share = share_of(backend, backend.convert(sample_weight, y_pred.dtype, None))
                value, gradient = self.weighted_value_and_gradient(backend, y_true, y_pred, share)
        return backend.xp.asarray(value, dtype=y_pred.dtype, device=backend.device), gradient

    def check_labels(self, y_true: Array, output_shape: Shape) -> None:
        """Refuse labels that do not fit a model's outputs. The check waits for the device; do it once, before training.

        Parameters
        ----------
        y_true
            All labels, shape ``(n, ...)``.
        output_shape
            Shape of the model's output for one sample.

        Raises
        ------
        TypeError
            If the loss does not support the labels' dtype.
        ValueError
            If the labels' shape does not fit, or a label is outside the range that the loss supports.
        """
        self._check_dtype(y_true)
        predicted = (y_true.shape[0], *output_shape)
        y_true = self.expand_labels(y_true, predicted)
        self.check_shape(tuple(y_true.shape), predicted)
        low, high = self._label_range(output_shape)
        backend = backend_of(y_true)
        xp, y_true = backend.xp, backend.make_computable(y_true)
        if xp.isdtype(y_true.dtype, "bool"):
            y_true = xp.astype(y_true, xp.uint8)  # min and max of the standard are defined for numbers only
        smallest, largest = backend.to_numpy(xp.stack([xp.min(y_true), xp.max(y_true)])).tolist()
        if not low <= smallest <= largest <= high:
            allowed = "finite labels" if high == _LARGEST else f"labels from {low:g} to {high:g}"
            raise ValueError(f"{type(self).__name__} takes {allowed}; got labels from {smallest:g} to {largest:g}")

    def check_shape(self, true: Shape, predicted: Shape) -> None:
        """Refuse labels whose shape does not fit the outputs' shape.

        Parameters
        ----------
        true
            Shape of the labels.
        predicted
            Shape of the outputs.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        if true != predicted:
            raise ValueError(
                f"{type(self).__name__} needs `y_true` of the shape of the model's output {predicted}; got {true}"
            )

    def expand_labels(self, y_true: Array, predicted: Shape) -> Array:
        """Return labels of shape ``(n,)`` in the shape ``(n, 1)`` of outputs of one unit, and others as they are.

        Sessions pass the result to the loss and to the metrics. A class of your own whose labels lack the last axis of
        the outputs returns ``y_true`` here.

        Parameters
        ----------
        y_true
            Labels.
        predicted
            Shape of the outputs.
        """
        shape = tuple(y_true.shape)
        if len(shape) == 1 and predicted == (*shape, 1):
            y_true = array_namespace(y_true).reshape(y_true, predicted)
        return y_true

    def _check_dtype(self, y_true: Array) -> None:
        """Refuse labels of a dtype that the loss does not support."""

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return -_LARGEST, _LARGEST

    @abstractmethod
    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Return the loss and its gradient without the checks of a call; a training checks all labels before it starts.

        Parameters
        ----------
        backend
            Backend of both arrays.
        y_true, y_pred
            Labels, and outputs of the model for the same samples, of shapes that :meth:`check_shape` accepts.

        Returns
        -------
        tuple of Array
            The loss, a 0-d array, and its gradient with respect to ``y_pred``, of the shape and dtype of ``y_pred``.
        """

    def weighted_value_and_gradient(
        self, backend: Backend, y_true: Array, y_pred: Array, share: Array
    ) -> tuple[Array, Array]:
        """Return the weighted mean of the losses of the samples, and its gradient, without checks.

        A class of your own defines this method to support sample weights.

        Parameters
        ----------
        backend, y_true, y_pred
            As for ``value_and_gradient``.
        share
            Weight of each sample divided by the sum of all, shape ``(samples,)``.
        """
        raise ValueError(
            f"sample weights need a loss that defines `weighted_value_and_gradient`; {type(self).__name__} does not: "
            "define it, or leave the weights out"
        )

    def check_takes_weights(self) -> None:
        """Refuse a loss that does not define :meth:`weighted_value_and_gradient`."""
        own = type(self).weighted_value_and_gradient
        if own is Loss.weighted_value_and_gradient:
            own(self, None, None, None, None)  # type: ignore[arg-type]  # raises

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        """Return the loss without its gradient and without checks; by default from ``value_and_gradient``.

        Parameters
        ----------
        backend, y_true, y_pred
            As for ``value_and_gradient``.
        """
        return self.value_and_gradient(backend, y_true, y_pred)[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def share_of(backend: Backend, sample_weight: Array) -> Array:
    """Return weights divided by their sum; 0 if all are 0."""
    share: Array = backend.elementwise(_share, sample_weight, backend.sum(sample_weight))
    return share


def weigh(backend: Backend, terms: Array, gradient: Array, share: Array) -> tuple[Array, Array]:
    """Return the sum of the terms of all samples and its gradient, each sample times its share.

    Parameters
    ----------
    backend
        Backend of the arrays.
    terms
        Terms of the losses, shape ``(samples, ...)``.
    gradient
        Gradient of the sum of the terms, of the same shape.
    share
        Share of each sample, shape ``(samples,)``.
    """
    share = backend.xp.reshape(share, (share.shape[0],) + (1,) * (terms.ndim - 1))
    terms, gradient = backend.elementwise(_weigh, terms, gradient, share)
    return backend.sum(terms), gradient


def _share(xp: Namespace, weight: Array, total: Array) -> Array:
    return weight / xp.where(total > 0.0, total, 1.0)


def _weigh(xp: Namespace, terms: Array, gradient: Array, share: Array) -> tuple[Array, Array]:
    return terms * share, gradient * share
