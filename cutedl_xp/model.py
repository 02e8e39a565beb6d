"""A model: layers one after the other, their parameters, and files of both."""

import os
from collections.abc import Mapping, Sequence
from copy import copy
from itertools import pairwise
from math import prod
from typing import Any

from cutedl_xp._checks import check_one_of, check_sequence, format_names, format_reason, format_value
from cutedl_xp._random import Stream, check_seed
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, check_together, describe, dtype_name, get_backend
from cutedl_xp.files import arrays as files
from cutedl_xp.files.model_file import DTYPES, check_arrays, check_custom_layers, make_header, read_header
from cutedl_xp.layers import Backward, Dense, Dropout, Flatten, Layer, ParameterSpec
from cutedl_xp.parameters import Parameters

_LAYERS: tuple[type[Layer], ...] = (Dense, Dropout, Flatten)
"""Classes that a model file may name."""


class Model:
    """Layers one after the other.

    Parameters
    ----------
    layers
        At least one, each an object of its own. The first one that needs the width of its input has ``input_dim``.

    Raises
    ------
    TypeError, ValueError
        If there is no layer, something that is none, or one layer twice.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(3, input_dim=4), cdl.layers.Dense(2, activation="linear")])
    >>> model.assemble(seed=0).parameters
    Parameters('/1-Dense/weight', '/1-Dense/bias', '/2-Dense/weight', '/2-Dense/bias')
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        given = check_sequence("layers", layers)
        for layer in given:
            if not isinstance(layer, Layer):
                raise TypeError(f"`layers` must be layers such as Dense(10); got {format_value(layer)}")
        if not given:
            raise ValueError("`layers` is empty; a model has at least one layer")
        if len({id(layer) for layer in given}) < len(given):
            raise ValueError("`layers` has the same object twice; make a layer for each place")
        self.layers = tuple(copy(layer) for layer in given)  # else a layer of two models would train in the last one
        self._parameters: Parameters | None = None
        self._streams: list[Stream] = []
        self._first_trained = 0
        self.dtype: Any = None

    def assemble(self, backend: Backend | str | None = None, dtype: Any = "float32", seed: int = 0) -> "Model":
        """Make the parameters and draw their starting values; assembling again starts anew.

        Parameters
        ----------
        backend
            A backend or its name; by default that of :func:`cutedl_xp.get_backend`.
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
            If a layer does not fit the one before, or an argument is none of these.
        """
        backend = get_backend(backend)
        dtype = check_one_of("dtype", dtype if isinstance(dtype, str) else dtype_name(dtype), DTYPES)
        seed = check_seed(seed)
        specs = self._parameter_specs()
        parameters = Parameters(backend, dtype, {name: spec.shape for name, spec in specs.items()})
        for parameter, spec in zip(parameters, specs.values(), strict=True):
            parameter.value = spec.draw(Stream(seed, "weights", parameter.name))
        by_name = {parameter.name: parameter for parameter in parameters}
        trained, self._streams = [], []
        for name, layer, shape in self._named_layers():
            own = {short: by_name[f"{name}/{short}"] for short in layer.parameter_specs(shape)}
            self._streams.append(Stream(seed, "layer", name))
            layer.bind(own, backend, self._streams[-1])
            trained.append(bool(own))
        self._first_trained = trained.index(True) if any(trained) else len(trained)
        self._parameters, self.dtype = parameters, parameters.flat.value.dtype
        return self

    @property
    def parameters(self) -> Parameters:
        """What the model trains, over flat buffers."""
        if self._parameters is None:
            raise RuntimeError("the model is not assembled yet; call model.assemble(backend=..., seed=...) first")
        return self._parameters

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The random stream of each layer."""
        return tuple(self._streams)

    @property
    def backend(self) -> Backend:
        """Where the model computes."""
        return self.parameters.backend

    def output_shape(self, input_shape: Shape | None = None) -> Shape | None:
        """The shape of the output for one sample.

        Parameters
        ----------
        input_shape
            That of a sample; None where the layers know it.

        Raises
        ------
        ValueError
            If the model does not take such samples.
        """
        shape = input_shape
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        """The output for a batch, and the function that sets all gradients from that of the output.

        Parameters
        ----------
        x
            Shape ``(n, ...)``, of the model's dtype, on its backend.
        training
            Whether layers behave as in training.

        Raises
        ------
        TypeError
            If ``x``, or the gradient that the function is given, is of another library, device or dtype.
        ValueError
            If that gradient is not of the output's shape.
        """
        self._check_own("x", x)
        backwards = []
        for layer in self.layers:
            x, backward = layer.forward(x, training)
            backwards.append(backward)

        def backward_all(gradient: Array, input_gradient: bool = False) -> Array | None:
            self._check_own("gradient", gradient)
            if gradient.shape != x.shape:
                raise ValueError(f"`gradient` has shape {tuple(gradient.shape)}; the output has {tuple(x.shape)}")
            stop = 0 if input_gradient else self._first_trained
            upstream: Array | None = gradient
            for position in reversed(range(stop, len(backwards))):
                assert upstream is not None  # only the last one called may leave its input's gradient out
                upstream = backwards[position](upstream, input_gradient or position > stop)
            return upstream if input_gradient else None

        return x, backward_all

    def _check_own(self, argument: str, array: Any) -> None:
        """Refuse what does not go together with the parameters."""
        if not (self.backend.owns(array) and array.dtype == self.dtype):
            check_together(f"`{argument}`", array, "`model.parameters.flat.value`", self.parameters.flat.value)

    def predict(self, x: Any) -> Array:
        """The output for a batch, without training behaviour.

        Parameters
        ----------
        x
            A NumPy array or one of the model's backend, shape ``(n, ...)``; converted to the model's dtype.

        Returns
        -------
        Array
            On the model's backend.

        Raises
        ------
        TypeError, ValueError
            If it is an array of another library or device, or of samples that the model does not take.
        """
        try:
            array = x if self.backend.owns(x) else self.backend.asarray(x, self.dtype)
        except (TypeError, ValueError) as error:
            raise type(error)(str(error).replace("`obj`", "`x`")) from error
        if not self.backend.xp.isdtype(array.dtype, ("bool", "integral", "real floating")):
            raise TypeError(f"`x` must be an array of real numbers; got {describe(array)}")
        if not array.shape:
            raise ValueError("`x` must have a first axis of samples; got an array of shape ()")
        self.output_shape(tuple(array.shape[1:]))
        with self.backend.active(), self.backend.ignore_underflow():
            return self.forward(self.backend.convert(array, self.dtype, None), training=False)[0]

    def weights(self) -> dict[str, Any]:
        """Return the value of each parameter by its name, as a copy in a NumPy array.

        Examples
        --------
        >>> import cutedl_xp as cdl
        >>> model = cdl.Model([cdl.layers.Dense(2, input_dim=1)]).assemble("numpy")
        >>> before = model.weights()
        >>> model.parameters[0].value[...] = 0.0
        >>> model.set_weights(before)
        >>> bool((model.parameters[0].value == before["/1-Dense/weight"]).all())
        True
        """
        return {parameter.name: self.backend.to_numpy(parameter.value).copy() for parameter in self.parameters}

    def set_weights(self, w: Mapping[str, Any]) -> None:
        """Copy values into all parameters, after all of them are checked.

        Parameters
        ----------
        w
            A value for each parameter by its name: a NumPy array or one of the model's backend, of the parameter's
            shape; converted to the model's dtype.

        Raises
        ------
        TypeError, ValueError
            If a name is missing or unknown, or a value does not fit its parameter.
        """
        names = [parameter.name for parameter in self.parameters]
        if not isinstance(w, Mapping):
            raise TypeError(f"`w` must be a dict such as model.weights(); got {format_value(w)}")
        if set(w) != set(names):
            raise ValueError(f"`w` must have the names {format_names(names)}; got {format_names(map(str, w))}")
        values = {}
        for parameter in self.parameters:
            name, shape = parameter.name, tuple(parameter.value.shape)
            try:
                values[name] = self.backend.asarray(w[name], self.dtype)
            except (TypeError, ValueError) as error:
                raise type(error)(f"`w`[{name!r}] cannot be taken: {error}") from error
            if tuple(values[name].shape) != shape:
                raise ValueError(f"`w`[{name!r}] must have the shape {shape}; got {format_value(w[name])}")
        for parameter in self.parameters:
            parameter.value = values[parameter.name]

    def summary(self) -> str:
        """A table of the layers: name, shape of the output for one sample, number of parameters.

        Examples
        --------
        >>> import cutedl_xp as cdl
        >>> print(cdl.Model([cdl.layers.Dense(10, input_dim=784)]).assemble().summary())
        layer    output  parameters
        1-Dense  (10,)        7,850
        total                 7,850
        """
        sizes = {parameter.name: prod(parameter.value.shape) for parameter in self.parameters}
        rows = [("layer", "output", "parameters")]
        for name, layer, shape in self._named_layers():
            count = sum(size for key, size in sizes.items() if key.startswith(f"{name}/"))
            rows.append((name[1:], str(layer.output_shape(shape) or "as given"), f"{count:,}"))
        rows.append(("total", "", f"{sum(sizes.values()):,}"))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the layers, the parameters and their SHA-256 to a safetensors file, whole or not at all.

        The previous file stays unchanged until the new one is on the disk. Symbolic links are followed, and an existing
        file keeps its permissions. Initializers given as callables are not recorded: the file holds the values.

        Raises
        ------
        ImportError
            If safetensors is not installed.
        OSError
            If the file cannot be written.
        """
        files.write(path, self.weights(), make_header(self.layers, dtype_name(self.dtype)))

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        backend: Backend | str | None = None,
        *,
        custom_layers: Sequence[type[Layer]] = (),
    ) -> "Model":
        """Return the model of a file, assembled, on any backend.

        Parameters
        ----------
        path
            A file that :meth:`save` wrote.
        backend
            A backend or its name; by default that of :func:`cutedl_xp.get_backend`.
        custom_layers
            Classes of your own whose names the file may hold. No class is taken from the file.

        Raises
        ------
        FileNotFoundError, IsADirectoryError
            If the path is not that of a file.
        ValueError
            If the file is not such a file, is damaged, was written by a newer version of this library, or names a layer
            that is not known.
        """
        backend = get_backend(backend)
        check_custom_layers(custom_layers, Layer)
        arrays, header = files.read(path)
        try:
            described, dtype = read_header(header, [*_LAYERS, *custom_layers])
            model = cls(described)
            check_arrays(arrays, {name: spec.shape for name, spec in model._parameter_specs().items()}, dtype)
            model.assemble(backend, dtype)
        except (KeyError, TypeError, ValueError) as error:
            reason = format_reason(error)
            raise ValueError(f"{os.fspath(path)} does not hold a model that can be made here: {reason}") from error
        for parameter in model.parameters:
            parameter.value = arrays[parameter.name]
        return model

    def parameter_shapes(self) -> dict[str, Shape]:
        """Return the shape of each parameter by its name, also before the model is assembled."""
        return {name: spec.shape for name, spec in self._parameter_specs().items()}

    def _parameter_specs(self) -> dict[str, ParameterSpec]:
        """What all layers train, by full names."""
        return {
            f"{name}/{short}": spec
            for name, layer, shape in self._named_layers()
            for short, spec in layer.parameter_specs(shape).items()
        }

    def _named_layers(self) -> list[tuple[str, Layer, Shape | None]]:
        """Each layer with its name, such as ``"/1-Dense"``, and the shape of its input, where that is known."""
        shapes: list[Shape | None] = [None]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        numbered = zip(self.layers, pairwise(shapes), strict=True)
        return [(f"/{i}-{type(layer).__name__}", layer, shape) for i, (layer, (shape, _)) in enumerate(numbered, 1)]

    def __repr__(self) -> str:
        return f"Model([{', '.join(map(repr, self.layers))}])"
