"""Activation functions as objects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cutedl_xp._checks import check_boolean, format_value
from cutedl_xp._typing import Array, Namespace

Function: TypeAlias = Callable[[Namespace, Array], Array]
Derivative: TypeAlias = Callable[[Namespace, Array, Array], Array]


@dataclass(frozen=True)
class Activation:
    """Activation function and its derivative.

    Parameters
    ----------
    function
        Function ``function(xp, x)`` that returns y, of the shape and dtype of x. The function changes no array, calls
        functions of the array API namespace ``xp`` only, and has no Python branch on the values of arrays.
    backward
        Function ``backward(xp, y, gradient)`` that returns dL/dx from y and dL/dy, under the same conditions.
    of_input
        Whether ``backward`` takes x instead of y. The default is False.
    elementwise
        Whether both functions are elementwise, so that a backend may compile them into one kernel. The default is True.
        If False, both receive arrays of shape ``(samples, units)``.

    Raises
    ------
    TypeError
        If an argument has another type.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> def square(xp, x):
    ...     return x * x
    >>> def square_backward(xp, x, gradient):
    ...     return 2.0 * x * gradient
    >>> own = cdl.activations.Activation(square, square_backward, of_input=True)
    >>> model = cdl.Model([cdl.layers.Dense(1, 1, own, weight_initializer="ones")]).assemble("numpy")
    >>> model.predict([[3.0]]).tolist()
    [[9.0]]
    """

    function: Function
    backward: Derivative
    of_input: bool = False
    elementwise: bool = True

    def __post_init__(self) -> None:
        for name in ("function", "backward"):
            if not callable(value := getattr(self, name)):
                raise TypeError(f"`{name}` of an Activation must be a function; got {format_value(value)}")
        check_boolean("of_input", self.of_input)
        check_boolean("elementwise", self.elementwise)
