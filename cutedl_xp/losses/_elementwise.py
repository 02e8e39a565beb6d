"""Base class of losses that are the mean of one term for each entry."""

from abc import abstractmethod
from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend
from cutedl_xp.losses._loss import Loss, weigh

Formula: TypeAlias = Callable[..., Any]


class ElementwiseLoss(Loss):
    """Mean of one term for each entry of the outputs; a subclass provides the formulas."""

    @abstractmethod
    def _formulas(self) -> tuple[Formula, Formula]:
        """Return two functions: the first returns the terms and their gradient, the second returns only the terms.

        The first function has the arguments ``(xp, y, p, *options, scale)`` and multiplies the gradient by the scale;
        the second function has the arguments ``(xp, y, p, *options)``.
        """

    def _options(self) -> tuple[float, ...]:
        """Return the arguments ``*options`` of the formulas."""
        return ()

    def _labels(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        """Return the labels in the dtype of the outputs."""
        return backend.convert(y_true, y_pred.dtype, None)

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape), 1)
        terms, gradient = self._terms_and_gradient(backend, y_true, y_pred, scale)
        return backend.sum(terms) * scale, gradient

    def weighted_value_and_gradient(
        self, backend: Backend, y_true: Array, y_pred: Array, share: Array
    ) -> tuple[Array, Array]:
        scale = 1.0 / max(prod(y_pred.shape[1:]), 1)
        terms, gradient = self._terms_and_gradient(backend, y_true, y_pred, scale)
        total, gradient = weigh(backend, terms, gradient, share)
        return total * scale, gradient

    def value(self, backend: Backend, y_true: Array, y_pred: Array) -> Array:
        scale: float = 1.0 / max(prod(y_pred.shape), 1)
        y_true = self._labels(backend, y_true, y_pred)
        return backend.sum(backend.elementwise(self._formulas()[1], y_true, y_pred, *self._options())) * scale

    def _terms_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array, scale: float) -> tuple[Array, Array]:
        y_true = self._labels(backend, y_true, y_pred)
        terms, gradient = backend.elementwise(self._formulas()[0], y_true, y_pred, *self._options(), scale)
        return terms, gradient
