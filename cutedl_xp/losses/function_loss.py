"""Loss that a plain function computes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from cutedl_xp._checks import format_value, why_not_callable_with
from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.losses._loss import Loss

LossFunction: TypeAlias = Callable[[Namespace, Array, Array], tuple[Any, Array]]


@dataclass(frozen=True)
class FunctionLoss(Loss):
    """Loss that a plain function computes; ``Session`` also accepts the function itself.

    Training steps with this loss run in the plain loop. Derive a class from :class:`Loss` for compiled steps.

    Parameters
    ----------
    function
        Function ``function(xp, y_true, y_pred)`` that returns the loss of a batch, a number or a 0-d array, and its
        gradient with respect to ``y_pred``, of the shape of ``y_pred``. ``xp`` is the array API namespace of the
        arrays.

    Raises
    ------
    TypeError
        If ``function`` is not a function of three arguments.

    Examples
    --------
    >>> import math
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> def mean_error(xp, y_true, y_pred):
    ...     return xp.mean(xp.abs(y_pred - y_true)), xp.sign(y_pred - y_true) / math.prod(y_pred.shape)
    >>> x = np.ones((4, 1), dtype="float32")
    >>> model = cdl.Model([cdl.layers.Dense(1, 1, "linear", weight_initializer="zeros")]).assemble("numpy")
    >>> session = cdl.Session(model, loss=mean_error, optimizer=cdl.optimizers.Fixed(lr=0.1))
    >>> session.fit(cdl.Dataset(x, x), epochs=2).loss[0]
    1.0
    """

    function: LossFunction

    def __post_init__(self) -> None:
        if isinstance(self.function, type) or not callable(self.function):
            raise TypeError(f"`function` must be a function; got {format_value(self.function)}")
        if found := why_not_callable_with(self.function, 3):
            raise TypeError(
                f"a loss function is called as loss(xp, y_true, y_pred) and returns (value, gradient); got {found}"
            )

    def check_shape(self, true: Shape, predicted: Shape) -> None:
        """Accept any shapes ``true`` and ``predicted``: the function defines which labels it supports."""

    def value_and_gradient(self, backend: Backend, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        result: Any = self.function(backend.xp, y_true, y_pred)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{self!r} must return the loss and its gradient, a pair; got {format_value(result)}")
        value, gradient = result
        if not backend.owns(gradient) or gradient.shape != y_pred.shape:
            raise ValueError(
                f"{self!r} must return a gradient of the shape {tuple(y_pred.shape)} of `y_pred`, on its backend; got "
                f"{format_value(gradient)}"
            )
        value = backend.xp.asarray(value, dtype=y_pred.dtype, device=backend.device)
        if value.shape:
            raise ValueError(f"{self!r} must return the loss as one number; got {format_value(value)}")
        return value, backend.convert(gradient, y_pred.dtype, None)

    def __repr__(self) -> str:
        return f"FunctionLoss({getattr(self.function, '__name__', repr(self.function))})"


def as_loss(loss: Any) -> Any:
    """Return a function as a loss, and anything else as it is."""
    is_function = callable(loss) and not isinstance(loss, Loss | type)
    return FunctionLoss(loss) if is_function else loss
