"""The interface of layers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cutedl_xp import initializers
from cutedl_xp._checks import format_names
from cutedl_xp._compilable import Compilable
from cutedl_xp._random import Stream
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.initializers import Initializer
from cutedl_xp.parameters import Parameter


class Backward(Protocol):
    """The derivative of one forward call, which holds what it needs of that call's batch."""

    def __call__(self, gradient: Array, input_gradient: bool = True) -> Array | None:
        """Set the gradients of the layer's parameters and return that of its input.

        Parameters
        ----------
        gradient
            dL/dy, of the shape of the layer's output.
        input_gradient
            Whether dL/dx is wanted; the first layer with parameters need not compute it.
        """


@dataclass(frozen=True)
class ParameterSpec:
    """Shape and initializer of a parameter.

    Parameters
    ----------
    shape
        Shape of the parameter.
    initializer
        A name or a callable, see :mod:`cutedl_xp.initializers`.
    """

    shape: Shape
    initializer: str | Initializer

    def draw(self, stream: Stream) -> Any:
        """Return the starting values."""
        return initializers.get("initializer", self.initializer)(stream, self.shape)


class Layer(Compilable, ABC):
    """One step of a model: a function of a batch, with parameters or without.

    A layer is described by what its constructor was given, learns the width of its input when a model is
    assembled, and is then bound to its parameters. It keeps nothing of a batch: :meth:`forward` returns its
    own backward function.

    Attributes
    ----------
    compilable
        Whether the layer may be part of a compiled training step, by default False. A class that sets it to True in its
        own body promises that its methods contain no Python branch on the values of arrays, draw random numbers only
        from the stream given to :meth:`bind`, keep nothing of a batch, and read nothing that changes during a training
        except parameters. Subclasses do not inherit it.
    """

    @abstractmethod
    def output_shape(self, input_shape: Shape | None) -> Shape | None:
        """The shape of the output for one sample.

        Parameters
        ----------
        input_shape
            That of its input, or None where nothing before it tells.

        Raises
        ------
        ValueError
            If the layer does not take such an input.
        """

    @abstractmethod
    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        """The output for a batch, shape ``(n, ...)``, and the function that goes back through it."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The constructor's arguments as plain values, from which a saved model makes the layer again."""

    def parameter_specs(self, input_shape: Shape | None) -> dict[str, ParameterSpec]:
        """What the layer trains, by short names such as ``"weight"``; nothing by default."""
        return {}

    def bind(self, parameters: Mapping[str, Parameter], backend: Backend, stream: Stream) -> None:
        """Take over the parameters that were asked for, the backend, and a random stream of the layer's own."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a training changes beside the parameters, such as a random stream; by default nothing."""
        return {}

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` gave, or refuse it and change nothing."""
        if d:
            raise ValueError(f"{type(self).__name__} has no state; got the keys {format_names(d)}")
