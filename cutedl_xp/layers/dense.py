"""Fully connected layer."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp import activations, initializers
from cutedl_xp._checks import check_integer
from cutedl_xp._familiar import OF_DENSE, refuse_keywords
from cutedl_xp._options import constant
from cutedl_xp._random import Stream
from cutedl_xp._typing import Array, Shape
from cutedl_xp.activations import Activation
from cutedl_xp.backends import Backend
from cutedl_xp.initializers import Initializer
from cutedl_xp.layers._activate import activate, activate_backward
from cutedl_xp.layers._layer import Backward, Layer
from cutedl_xp.layers._specs import ParameterSpec
from cutedl_xp.layers._widths import known_shape
from cutedl_xp.parameters import Parameter


@refuse_keywords(OF_DENSE)
class Dense(Layer):
    """Fully connected layer: y = activation(x W + b).

    With dL/dz the gradient before the activation, dL/dW = xᵀ dL/dz, dL/db = the sum of dL/dz over the batch, and
    dL/dx = dL/dz Wᵀ.

    Parameters
    ----------
    units
        Number of outputs, at least 1.
    input_dim
        Number of inputs, at least 1. The default is None, the width of the previous layer's output. The first layer
        that has parameters needs it.
    activation
        Name in ``cutedl_xp.activations.ACTIVATIONS``, such as ``"relu"``, ``"tanh"`` or ``"linear"``, or an
        :class:`cutedl_xp.activations.Activation`. The default is None, which means ``"relu"``; a ``Session`` warns if
        the last layer has this default under a loss of unbounded outputs, such as Mse or a cross-entropy of logits. A
        model file can name the built-in activations only.
    weight_initializer, bias_initializer
        Name of an initializer or a callable, see :mod:`cutedl_xp.initializers`. The defaults are ``"uniform"`` and
        ``"zeros"``.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Notes
    -----
    The weight W has the shape ``(inputs, units)``, the bias b ``(units,)``. Inputs of shape ``(..., inputs)`` give
    outputs of shape ``(..., units)``: the layer treats axes between the first and the last one as more samples.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.layers.Dense(10, input_dim=784, activation="relu")
    Dense(units=10, input_dim=784, activation='relu')
    """

    compilable = True
    units: int = constant()
    input_dim: int | None = constant()
    weight_initializer: str | Initializer = constant()
    bias_initializer: str | Initializer = constant()

    def __init__(
        self,
        units: int,
        input_dim: int | None = None,
        activation: str | Activation | None = None,
        weight_initializer: str | Initializer = "uniform",
        bias_initializer: str | Initializer = "zeros",
    ) -> None:
        self.units = check_integer("units", units, at_least=1)
        self.input_dim = None if input_dim is None else check_integer("input_dim", input_dim, at_least=1)
        self.activation = activation
        self.weight_initializer = weight_initializer
        self.bias_initializer = bias_initializer
        self._initializers = (
            initializers.get("weight_initializer", weight_initializer),
            initializers.get("bias_initializer", bias_initializer),
        )
        self._inputs: int | None = self.input_dim  # after `bind`, the width of the weight
        self._weight: Parameter
        self._bias: Parameter
        self._backend: Backend

    @property
    def activation(self) -> str | Activation | None:
        """Activation that the constructor was given, None for the default; can be assigned."""
        return self._given_activation

    @activation.setter
    def activation(self, activation: str | Activation | None) -> None:
        self._activation = activations.get("relu" if activation is None else activation)
        self._given_activation = activation

    def output_shape(self, input_shape: Shape | None) -> Shape:
        return (*self._known(input_shape)[:-1], self.units)

    def parameter_specs(self, input_shape: Shape | None) -> dict[str, ParameterSpec]:
        weight, bias = self._initializers
        inputs = self._known(input_shape)[-1]
        return {"weight": ParameterSpec((inputs, self.units), weight), "bias": ParameterSpec((self.units,), bias)}

    def bind(self, parameters: Mapping[str, Parameter], backend: Backend, stream: Stream) -> None:
        self._weight, self._bias = parameters["weight"], parameters["bias"]
        self._inputs = int(self._weight.value.shape[0])
        self._backend = backend

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        backend, xp, weight, bias = self._backend, self._backend.xp, self._weight, self._bias
        activation = self._activation
        inputs, units = weight.value.shape
        if x.shape[-1] != inputs:
            raise ValueError(f"{self!r} takes inputs of width {inputs}; got an array of shape {tuple(x.shape)}")
        rows = x if x.ndim == 2 else xp.reshape(x, (-1, inputs))
        y, kept = self._activate(backend.matmul(rows, weight.value))

        def backward(gradient: Array, input_gradient: bool = True) -> Array | None:
            dz = gradient if gradient.ndim == 2 else xp.reshape(gradient, (-1, units))
            if activation.elementwise and activation.backward is not activations.linear_backward:
                dz, bias.gradient = backend.add_bias_backward(activation.backward, kept, dz, bias.gradient)
            else:
                dz = activate_backward(backend, activation, kept, dz)
                bias.gradient = backend.sum(dz, axis=0, out=bias.gradient)
            weight.gradient = backend.matmul(rows.T, dz, out=weight.gradient)
            if not input_gradient:
                return None
            dx = backend.matmul(dz, weight.value.T)
            return dx if x.ndim == 2 else xp.reshape(dx, x.shape)

        return (y if x.ndim == 2 else xp.reshape(y, (*x.shape[:-1], units))), backward

    def _activate(self, product: Array) -> tuple[Array, Array]:
        """Return the output, and the array from which the activation computes its derivative."""
        backend, activation, bias = self._backend, self._activation, self._bias.value
        if activation.elementwise and not activation.of_input:
            y = backend.add_bias(product, bias, activation.function)
            return y, y
        return activate(backend, activation, backend.add_bias(product, bias, activations.linear))

    def config(self) -> dict[str, Any]:
        config = {"units": self.units, "input_dim": self.input_dim, "activation": self.activation}
        named = {"weight_initializer": self.weight_initializer, "bias_initializer": self.bias_initializer}
        return config | {key: value for key, value in named.items() if isinstance(value, str)}

    def _known(self, input_shape: Shape | None) -> Shape:
        return known_shape(self, self.input_dim, self._inputs, input_shape)

    def __repr__(self) -> str:
        return f"Dense(units={self.units}, input_dim={self.input_dim}, activation={self.activation!r})"
