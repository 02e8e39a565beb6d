"""Layer that makes each sample one-dimensional."""

from collections.abc import Mapping
from math import prod
from typing import Any

from cutedl_xp._random import Stream
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.layers._layer import Backward, Layer
from cutedl_xp.parameters import Parameter


class Flatten(Layer):
    """Reshape each sample to one axis: ``(n, a, b, ...)`` becomes ``(n, a b ...)``, the last axis fastest.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.layers.Flatten().output_shape((28, 28))
    (784,)
    """

    compilable = True
    _backend: Backend

    def output_shape(self, input_shape: Shape | None) -> Shape | None:
        return None if input_shape is None else (prod(input_shape),)

    def bind(self, parameters: Mapping[str, Parameter], backend: Backend, stream: Stream) -> None:
        self._backend = backend

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        xp = self._backend.xp

        def backward(gradient: Array, input_gradient: bool = True) -> Array | None:
            return xp.reshape(gradient, x.shape)

        return xp.reshape(x, (x.shape[0], prod(x.shape[1:]))), backward

    def config(self) -> dict[str, Any]:
        return {}

    def __repr__(self) -> str:
        return "Flatten()"
