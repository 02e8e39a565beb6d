"""Specifications of the arrays of layers."""

from dataclasses import dataclass
from typing import Any

from cutedl_xp import initializers
from cutedl_xp._random import Stream
from cutedl_xp._typing import Shape
from cutedl_xp.initializers import Initializer


@dataclass(frozen=True)
class ParameterSpec:
    """Shape and initializer of a parameter.

    Parameters
    ----------
    shape
        Shape of the parameter.
    initializer
        Name of an initializer or a callable, see :mod:`cutedl_xp.initializers`.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.layers.ParameterSpec((784, 10), "glorot_uniform")
    ParameterSpec(shape=(784, 10), initializer='glorot_uniform')
    """

    shape: Shape
    initializer: str | Initializer

    def draw(self, stream: Stream) -> Any:
        """Return the initial values of the parameter.

        Parameters
        ----------
        stream
            Random stream of the parameter.
        """
        return initializers.get("initializer", self.initializer)(stream, self.shape)


@dataclass(frozen=True)
class BufferSpec(ParameterSpec):
    """Shape and initializer of a buffer, an array of a layer's state that no optimizer trains.

    Parameters
    ----------
    shape
        Shape of the buffer.
    initializer
        Name of an initializer or a callable, see :mod:`cutedl_xp.initializers`; default ``"zeros"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.layers.BufferSpec((10,))
    BufferSpec(shape=(10,), initializer='zeros')
    """

    initializer: str | Initializer = "zeros"
