"""Checks of a user's layers in the first training step, with errors that name the layer."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cutedl_xp._checks import format_names, format_value
from cutedl_xp._typing import Array, Shape
from cutedl_xp.layers import Backward, Layer
from cutedl_xp.parameters import Parameter


class CheckedLayer:
    """Wrapper of a layer that checks the results of ``forward`` and of the backward function.

    Parameters
    ----------
    name
        Name of the layer, such as ``"/2-Scale"``.
    layer
        Layer to check.
    parameters
        Parameters of the layer.
    """

    def __init__(self, name: str, layer: Layer, parameters: Sequence[Parameter]) -> None:
        self._name, self._layer, self._parameters = name, layer, parameters

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        """Return the output, and a backward function that checks the backward function of the layer.

        Raises
        ------
        TypeError
            If the layer does not return these two, or its backward function takes other arguments.
        """
        result: Any = self._layer.forward(x, training)
        if not (isinstance(result, tuple) and len(result) == 2 and callable(result[1])):
            raise result_error(self._name, result)
        y: Array
        backward: Backward
        y, backward = result
        _check_arguments(self._name, backward)

        def checked(gradient: Array, input_gradient: bool = True) -> Array | None:
            with _noting_gradients(self._parameters) as noted:
                dx = backward(gradient, input_gradient)
            forgotten = [each.name for each in self._parameters if each.name not in noted]
            if forgotten:
                raise ValueError(
                    f"the backward function of the layer {self._name!r} must set the gradient of each parameter; it "
                    f"left out {format_names(forgotten)}: assign to `gradient` of the parameter in every call"
                )
            if input_gradient:
                self._check_gradient(dx, tuple(x.shape))
            return dx

        return y, checked

    def _check_gradient(self, gradient: Any, shape: Shape) -> None:
        received = getattr(gradient, "shape", None)
        if received is None or tuple(received) != shape:
            raise ValueError(
                f"the backward function of the layer {self._name!r} must return the gradient of its input, an array of "
                f"shape {shape}; got {format_value(gradient)}"
            )


def result_error(name: str, result: Any) -> TypeError:
    """Return the error for a layer whose ``forward`` does not return an output and a backward function."""
    return TypeError(
        f"`forward` of the layer {name!r} must return the tuple (y, backward) of its output and its backward function; "
        f"got {format_value(result)}"
    )


def _check_arguments(name: str, backward: Backward) -> None:
    try:
        signature = inspect.signature(backward)
    except ValueError:  # a function without a signature, such as one of C
        return
    try:
        signature.bind(None, True)
    except TypeError as error:
        raise TypeError(
            f"the backward function of the layer {name!r} must take (gradient, input_gradient=True); its parameters "
            f"are {signature}"
        ) from error


@contextmanager
def _noting_gradients(parameters: Sequence[Parameter]) -> Iterator[set[str]]:
    """Return a context that notes the parameters whose ``gradient`` is assigned, or read to write into it.

    Values cannot show this: a compiled step is traced without values, and a gradient may keep its value.
    """
    noted: set[str] = set()
    original: Any = Parameter.gradient

    class Noting(Parameter):
        __slots__ = ()

        @property
        def gradient(self) -> Array:
            noted.add(self.name)
            return self._gradient

        @gradient.setter
        def gradient(self, array: Array) -> None:
            noted.add(self.name)
            original.fset(self, array)

    classes = [type(each) for each in parameters]
    try:
        for each in parameters:
            each.__class__ = Noting
        yield noted
    finally:
        for each, own in zip(parameters, classes, strict=True):
            each.__class__ = own
