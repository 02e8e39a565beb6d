"""Base class of layers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from cutedl_xp._checks import format_names
from cutedl_xp._compilable import Compilable
from cutedl_xp._familiar import OF_NETWORKS, check_assignment
from cutedl_xp._random import Stream
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.layers._specs import BufferSpec, ParameterSpec
from cutedl_xp.parameters import Buffer, Parameter


class Backward(Protocol):
    """Backward function of a forward call, which keeps the arrays of the batch that the gradients need.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> dense = cdl.layers.Dense(1, input_dim=2, activation="linear", weight_initializer="ones")
    >>> model = cdl.Model([dense]).assemble("numpy")
    >>> y, backward = model.layers[0].forward(np.array([[3.0, 4.0]], dtype="float32"), training=True)
    >>> backward(np.ones_like(y)).tolist()  # dL/dx
    [[1.0, 1.0]]
    >>> model.parameters[0].gradient.tolist()  # dL/dW
    [[3.0], [4.0]]
    """

    def __call__(self, gradient: Array, input_gradient: bool = True) -> Array | None:
        """Set the gradients of the layer's parameters, and return the gradient of its input.

        Parameters
        ----------
        gradient
            dL/dy, of the shape of the layer's output.
        input_gradient
            Whether to return dL/dx; default True. If False, as for the first layer with parameters, the function may
            return None.
        """


class Layer(Compilable, ABC):
    """Base class of layers: functions of a batch, with parameters or without.

    ``Model.assemble`` asks a layer for its parameters (:meth:`parameter_specs`), allocates them, and passes them to
    :meth:`bind`. A layer keeps no arrays of a batch: :meth:`forward` returns the output together with its backward
    function.

    Attributes
    ----------
    compilable
        Whether the layer may be part of a compiled training step, by default False. A class that sets it to True in its
        own body promises that its methods contain no Python branch on the values of arrays, draw random numbers only
        from the stream given to :meth:`bind`, keep no part of a batch except in buffers, and read nothing that changes
        during a training except parameters and buffers. Subclasses do not inherit it.

    Examples
    --------
    A layer that multiplies each column by a trained factor:

    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> class Scale(cdl.layers.Layer):
    ...     def output_shape(self, input_shape):
    ...         return input_shape
    ...
    ...     def parameter_specs(self, input_shape):
    ...         return {"factor": cdl.layers.ParameterSpec(input_shape, "ones")}
    ...
    ...     def bind(self, parameters, backend, stream):
    ...         self._factor, self._backend = parameters["factor"], backend
    ...
    ...     def forward(self, x, training):
    ...         factor = self._factor
    ...
    ...         def backward(gradient, input_gradient=True):
    ...             factor.gradient = self._backend.sum(gradient * x, axis=0)
    ...             return gradient * factor.value if input_gradient else None
    ...
    ...         return x * factor.value, backward
    ...
    ...     def config(self):
    ...         return {}
    >>> model = cdl.Model([cdl.layers.Dense(2, input_dim=3, activation="tanh"), Scale()]).assemble("numpy", seed=0)
    >>> model.parameters
    Parameters('/1-Dense/weight', '/1-Dense/bias', '/2-Scale/factor')
    >>> x, y = np.eye(3, dtype="float32"), np.eye(3, 2, dtype="float32")
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(lr=0.5))
    >>> history = session.fit((x, y), epochs=50)
    >>> history.loss[-1] < history.loss[0]
    True
    """

    if not TYPE_CHECKING:  # a type checker would accept any attribute

        def __setattr__(self, name: str, value: Any) -> None:
            check_assignment(self, name, OF_NETWORKS)
            object.__setattr__(self, name, value)

    @abstractmethod
    def output_shape(self, input_shape: Shape | None) -> Shape | None:
        """Return the shape of the output for one sample.

        Parameters
        ----------
        input_shape
            Shape of the input for one sample, or None if no previous layer determines the shape.

        Raises
        ------
        ValueError
            If the layer does not support such an input.
        """

    @abstractmethod
    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        """Return the output for a batch, and its backward function.

        Parameters
        ----------
        x
            Batch of shape ``(n, ...)``, of the model's dtype and backend.
        training
            Whether the layer behaves as in training; Dropout changes its input in training only.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain values, with which loading a model calls the constructor."""

    def parameter_specs(self, input_shape: Shape | None) -> dict[str, ParameterSpec]:
        """Return the specifications of the layer's parameters by short names such as ``"weight"``; by default none.

        Parameters
        ----------
        input_shape
            As for :meth:`output_shape`.
        """
        return {}

    def bind(self, parameters: Mapping[str, Parameter], backend: Backend, stream: Stream) -> None:
        """Keep the objects that :meth:`forward` uses; by default none.

        Parameters
        ----------
        parameters
            Parameters by the names that :meth:`parameter_specs` returned.
        backend
            Backend of the model.
        stream
            Random stream of this layer.
        """

    def buffer_specs(self, input_shape: Shape | None) -> dict[str, BufferSpec]:
        """Return the specifications of the layer's buffers by short names; by default none.

        Buffers are arrays that a training changes and no optimizer trains, such as ``"running_mean"`` and
        ``"running_variance"``. They are part of the model's weights, of its files and of checkpoints, and have the
        dtype of the model.

        Parameters
        ----------
        input_shape
            As for :meth:`output_shape`.
        """
        return {}

    def bind_buffers(self, buffers: Mapping[str, Buffer]) -> None:
        """Keep the buffers, to which :meth:`forward` assigns in training; by default none.

        Parameters
        ----------
        buffers
            Buffers by the names that :meth:`buffer_specs` returned.
        """

    def check_batch(self, shape: Shape) -> None:
        """Refuse a training batch of a shape that the layer does not support; by default no shape is refused.

        Parameters
        ----------
        shape
            Shape ``(n, ...)`` of the batch.

        Raises
        ------
        ValueError
            If the layer does not support the shape.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return the state other than parameters and buffers that a training changes, such as that of a random stream.

        The default is an empty dict.
        """
        return {}

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Restore a state, or raise an error and change nothing.

        Parameters
        ----------
        d
            State that :meth:`state_dict` returned.

        Raises
        ------
        ValueError
            If ``d`` is not a state of this layer.
        """
        if d:
            raise ValueError(f"{type(self).__name__} has no state; got the keys {format_names(d)}")
