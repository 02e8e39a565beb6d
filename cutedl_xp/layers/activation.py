"""Layer that applies an activation."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp import activations
from cutedl_xp._random import Stream
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.layers._activate import activate, activate_backward
from cutedl_xp.layers._layer import Backward, Layer
from cutedl_xp.parameters import Parameter


class Activation(Layer):
    """Activation as a layer of its own: y = activation(x).

    Use this layer where :class:`Dense` cannot apply the activation, such as after :class:`BatchNormalization`, and give
    the Dense layer before it ``activation="linear"``.

    Parameters
    ----------
    activation
        Name in ``cutedl_xp.activations.ACTIVATIONS``, such as ``"relu"``, or an
        :class:`cutedl_xp.activations.Activation`. A model file can name the built-in activations only.

    Raises
    ------
    TypeError, ValueError
        If ``activation`` is none of these.

    Notes
    -----
    Softmax is computed along the last axis; the axes before it are samples, as in Dense.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([
    ...     cdl.layers.Dense(8, input_dim=2, activation="linear"),
    ...     cdl.layers.BatchNormalization(),
    ...     cdl.layers.Activation("relu"),
    ... ]).assemble("numpy", seed=0)
    >>> bool(model.predict([[1.0, -1.0]]).min() == 0.0)
    True
    """

    compilable = True

    def __init__(self, activation: str | activations.Activation) -> None:
        self.activation = activation
        self._backend: Backend

    @property
    def activation(self) -> str | activations.Activation:
        """Activation that the constructor was given; can be assigned."""
        return self._given_activation

    @activation.setter
    def activation(self, activation: str | activations.Activation) -> None:
        self._activation = activations.get(activation)
        self._given_activation = activation

    def output_shape(self, input_shape: Shape | None) -> Shape | None:
        if input_shape == () and not self._activation.elementwise:
            raise ValueError(f"{self!r} takes samples with at least one axis; got samples of shape ()")
        return input_shape

    def bind(self, parameters: Mapping[str, Parameter], backend: Backend, stream: Stream) -> None:
        self._backend = backend

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        backend, activation, xp = self._backend, self._activation, self._backend.xp
        self.output_shape(tuple(x.shape[1:]))
        in_rows = x.ndim == 2 or activation.elementwise
        y, kept = activate(backend, activation, x if in_rows else xp.reshape(x, (-1, x.shape[-1])))

        def backward(gradient: Array, input_gradient: bool = True) -> Array | None:
            if in_rows:
                return activate_backward(backend, activation, kept, gradient)
            rows = xp.reshape(gradient, kept.shape)
            return xp.reshape(activate_backward(backend, activation, kept, rows), x.shape)

        return (y if in_rows else xp.reshape(y, x.shape)), backward

    def config(self) -> dict[str, Any]:
        return {"activation": self.activation}

    def __repr__(self) -> str:
        return f"Activation({self.activation!r})"
