"""Sequence of layers with their parameters: forward and backward pass."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from cutedl_xp._checks import check_one_of, check_sequence, format_names, format_value
from cutedl_xp._compilable import is_own
from cutedl_xp._familiar import OF_ASSEMBLE, OF_MODELS, OF_NETWORKS, check_assignment, find_attribute, refuse_keywords
from cutedl_xp._random import Stream, check_seed
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, check_together, dtype_name, get_backend
from cutedl_xp.files.model_file import DTYPES
from cutedl_xp.layers import Backward, BufferSpec, Layer, ParameterSpec
from cutedl_xp.model.layer_check import CheckedLayer, result_error
from cutedl_xp.parameters import Buffers, Parameters


class Chain:
    """Sequence of ``layers``; :class:`~cutedl_xp.Model` adds prediction, weights and files."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        given = check_sequence("layers", layers)
        for layer in given:
            if not isinstance(layer, Layer):
                raise TypeError(f"`layers` must be layers such as Dense(10); got {format_value(layer)}")
        if not given:
            raise ValueError("`layers` is empty; a model has at least one layer")
        if len({id(layer) for layer in given}) < len(given):
            raise ValueError("`layers` has the same object twice; make a layer for each place")
        self.layers = tuple(copy(layer) for layer in given)  # a shared layer would be bound to the last model alone
        self._parameters: Parameters | None = None
        self._buffers: Buffers
        self._streams: list[Stream] = []
        self._first_trained = 0
        self._checked_layers: tuple[Layer | CheckedLayer, ...] = ()
        self.dtype: Any = None

    @refuse_keywords(OF_ASSEMBLE)
    def assemble(self, backend: Backend | str | None = None, dtype: Any = "float32", seed: int = 0) -> Self:
        """Make the parameters and buffers and draw their initial values; another call replaces them.

        Parameters
        ----------
        backend
            A backend or its name; by default the result of :func:`cutedl_xp.get_backend`.
        dtype
            ``"float32"`` or ``"float64"``.
        seed
            An integer of at least 0. A seed gives the same weights on every backend.

        Returns
        -------
        Model
            This model.

        Raises
        ------
        ValueError
            If a layer does not fit the layer before it, or an argument has another value.
        """
        backend = get_backend(backend)
        dtype = check_one_of("dtype", dtype if isinstance(dtype, str) else dtype_name(dtype), DTYPES)
        seed = check_seed(seed)
        specs, buffer_specs = self._specs()
        parameters = Parameters(backend, dtype, {name: spec.shape for name, spec in specs.items()})
        buffers = Buffers(backend, dtype, {name: spec.shape for name, spec in buffer_specs.items()})
        for array, spec in zip((*parameters, *buffers), (*specs.values(), *buffer_specs.values()), strict=True):
            array.value = spec.draw(Stream(seed, "weights", array.name))
        self._bind_layers(parameters, buffers, seed)
        self._parameters, self._buffers, self.dtype = parameters, buffers, parameters.flat.value.dtype
        return self

    def _bind_layers(self, parameters: Parameters, buffers: Buffers, seed: int) -> None:
        """Give each layer its parameters, its buffers, and a random stream."""
        own_parameters = {parameter.name: parameter for parameter in parameters}
        own_buffers = {buffer.name: buffer for buffer in buffers}
        trained, self._streams = [], []
        for name, layer, shape in self._named_layers():
            own = {short: own_parameters[f"{name}/{short}"] for short in layer.parameter_specs(shape)}
            self._streams.append(Stream(seed, "layer", name))
            layer.bind(own, parameters.backend, self._streams[-1])
            layer.bind_buffers({short: own_buffers[f"{name}/{short}"] for short in layer.buffer_specs(shape)})
            trained.append(bool(own))
        self._first_trained = trained.index(True) if any(trained) else len(trained)

    @property
    def parameters(self) -> Parameters:
        """Trained parameters, over flat buffers."""
        if self._parameters is None:
            raise RuntimeError("the model is not assembled yet; call model.assemble(backend=..., seed=...) first")
        return self._parameters

    @property
    def buffers(self) -> Buffers:
        """Arrays of the layers that a training changes and no optimizer trains, such as running means."""
        _ = self.parameters  # raises if the model is not assembled
        return self._buffers

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Random stream of each layer."""
        return tuple(self._streams)

    @property
    def backend(self) -> Backend:
        """Backend that the model computes on."""
        return self.parameters.backend

    def output_shape(self, input_shape: Shape | None = None) -> Shape | None:
        """Return the shape of the output for one sample.

        Parameters
        ----------
        input_shape
            Shape of a sample, default None if the layers determine it.

        Raises
        ------
        ValueError
            If the samples do not fit the layers.
        """
        shape = input_shape
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        """Return the output for a batch, and the function that sets all gradients from the gradient of the output.

        Parameters
        ----------
        x
            Shape ``(n, ...)``, of the model's dtype, on its backend.
        training
            Whether layers behave as in training.

        Raises
        ------
        TypeError
            If ``x``, or the argument of the function, has another library, device or dtype, or a layer does not return
            an output and a backward function.
        ValueError
            If the argument of the function does not have the shape of the output.
        """
        self._check_own("x", x)
        backwards: list[Backward] = []
        for layer in self._checked_layers or self.layers:
            result = layer.forward(x, training)
            try:
                x, backward = result
            except (TypeError, ValueError) as error:
                position = len(backwards)
                raise result_error(_name_of(position, self.layers[position]), result) from error
            backwards.append(backward)

        def backward_all(gradient: Array, input_gradient: bool = False) -> Array | None:
            self._check_own("gradient", gradient)
            if gradient.shape != x.shape:
                raise ValueError(f"`gradient` has shape {tuple(gradient.shape)}; the output has {tuple(x.shape)}")
            stop = 0 if input_gradient else self._first_trained
            upstream: Array | None = gradient
            for position in reversed(range(stop, len(backwards))):
                assert upstream is not None  # only the last of these calls may leave out the gradient of its input
                upstream = backwards[position](upstream, input_gradient or position > stop)
            return upstream if input_gradient else None

        return x, backward_all

    @contextmanager
    def checking_layers(self) -> Iterator[None]:
        """Return a context in which :meth:`forward` and its backward function check the layers of users.

        A layer must return its output and a backward function, which sets the gradient of each parameter and returns
        the gradient of the input.
        """
        checked = []
        for position, layer in enumerate(self.layers):
            name = _name_of(position, layer)
            parameters = [each for each in self.parameters if each.name.startswith(f"{name}/")]
            checked.append(layer if is_own(layer) else CheckedLayer(name, layer, parameters))
        self._checked_layers = tuple(checked)
        try:
            yield
        finally:
            self._checked_layers = ()

    def _check_own(self, argument: str, array: Any) -> None:
        """Raise unless an array has the library, device and dtype of the parameters."""
        if not (self.backend.owns(array) and array.dtype == self.dtype):
            check_together(f"`{argument}`", array, "`model.parameters.flat.value`", self.parameters.flat.value)

    def check_batch(self, shape: Shape) -> None:
        """Raise if a layer does not accept a training batch of the ``shape`` ``(n, ...)``.

        Raises
        ------
        ValueError
            If a layer needs more samples in a batch.
        """
        count, *sample_shape = shape
        known: Shape | None = tuple(sample_shape)
        for layer in self.layers:
            if known is not None:
                layer.check_batch((count, *known))
            known = layer.output_shape(known)

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shape of each parameter and buffer by its name, also before the model is assembled."""
        return {name: spec.shape for specs in self._specs() for name, spec in specs.items()}

    def _specs(self) -> tuple[dict[str, ParameterSpec], dict[str, BufferSpec]]:
        """Return the specifications of all parameters and of all buffers by their full names."""
        parameters: dict[str, ParameterSpec] = {}
        buffers: dict[str, BufferSpec] = {}
        for name, layer, shape in self._named_layers():
            parameters |= {f"{name}/{short}": spec for short, spec in layer.parameter_specs(shape).items()}
            buffers |= {f"{name}/{short}": spec for short, spec in layer.buffer_specs(shape).items()}
        twice = sorted(parameters.keys() & buffers.keys())
        if twice:
            raise ValueError(f"parameters and buffers must have different names; got {format_names(twice)} as both")
        return parameters, buffers

    def _named_layers(self) -> list[tuple[str, Layer, Shape | None]]:
        """Return each layer with its name, such as ``"/1-Dense"``, and the shape of its input, None if unknown."""
        shapes: list[Shape | None] = [None]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        numbered = enumerate(zip(self.layers, pairwise(shapes), strict=True))
        return [(_name_of(position, layer), layer, shape) for position, (layer, (shape, _)) in numbered]

    if not TYPE_CHECKING:  # a type checker would accept any attribute

        def __getattr__(self, name: str) -> Any:
            return find_attribute(self, name, OF_MODELS)

        def __setattr__(self, name: str, value: Any) -> None:
            check_assignment(self, name, OF_NETWORKS)
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Model([{', '.join(map(repr, self.layers))}])"


def _name_of(position: int, layer: Layer) -> str:
    """Return the name of a layer at a position, counted from 0, such as ``"/1-Dense"``."""
    return f"/{position + 1}-{type(layer).__name__}"
