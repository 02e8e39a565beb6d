"""The base class of losses."""

import sys
from abc import ABC, abstractmethod
from typing import Any

from cutedl_xp._compilable import Compilable
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of, check_together, describe

_LARGEST = sys.float_info.max


class Loss(Compilable, ABC):
    """Base class of losses; a class of your own defines :meth:`value_and_gradient`.

    Attributes
    ----------
    compilable
        Whether the loss may be part of a compiled training step, by default False. A class that sets it to True in its
        own body promises that its methods contain no Python branch on the values of arrays, keep nothing of a batch,
        and read nothing that changes during a training. Subclasses do not inherit it.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Replace an inherited :meth:`value` by the default where :meth:`value_and_gradient` is defined after it."""
        super().__init_subclass__(**options)
        latest = next(each for each in cls.__mro__ if vars(each).keys() & {"value", "value_and_gradient"})
        if "value" not in vars(latest):
            cls.value = Loss.value  # type: ignore[method-assign]  # the inherited one is that of another loss

    def __call__(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Return the loss, a 0-d array, and its gradient with respect to ``y_pred``, both of the dtype of ``y_pred``.

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
        with backend.ignore_underflow():
            value, gradient = self.value_and_gradient(backend, y_true, y_pred)
        return backend.xp.asarray(value, dtype=y_pred.dtype, device=backend.device), gradient

    def check_labels(self, y_true: Array, output_shape: Shape) -> None:
        """Refuse labels that do not fit a model's outputs. The check waits for the device; do it once, before training.

        Parameters
        ----------
        y_true
            All labels, shape ``(n, ...)``.
        output_shape
            Shape of the model's output for one sample.
        """
        self._check_dtype(y_true)
        self.check_shape(tuple(y_true.shape), (y_true.shape[0], *output_shape))
        low, high = self._label_range(output_shape)
        backend = backend_of(y_true)
        xp, y_true = backend.xp, backend.make_computable(y_true)
        if xp.isdtype(y_true.dtype, "bool"):
            y_true = xp.astype(y_true, xp.uint8)  # the standard's min and max take numbers only
        smallest, largest = backend.to_numpy(xp.stack([xp.min(y_true), xp.max(y_true)])).tolist()
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
        """Refuse labels of a dtype that the loss does not take."""

    def _label_range(self, output_shape: Shape) -> tuple[float, float]:
        return -_LARGEST, _LARGEST

    @abstractmethod
    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Return what a call returns, without its checks: a training checks all labels before it starts.

        Parameters
        ----------
        backend
            Backend of both arrays.
        y_true, y_pred
            Labels and outputs of fitting shapes.
        """

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        """Return the loss without its gradient and without checks; by default from :meth:`value_and_gradient`.

        Parameters
        ----------
        backend, y_true, y_pred
            As for :meth:`value_and_gradient`.
        """
        return self.value_and_gradient(backend, y_true, y_pred)[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
