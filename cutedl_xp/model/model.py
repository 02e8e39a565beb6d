"""A model: a chain of layers that predicts, and that files hold."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

from cutedl_xp._checks import format_reason
from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend, describe, dtype_name, get_backend
from cutedl_xp.files import arrays as files
from cutedl_xp.files.model_file import check_arrays, check_custom_layers, make_header, read_header
from cutedl_xp.layers import Dense, Dropout, Flatten, Layer
from cutedl_xp.model.chain import Chain
from cutedl_xp.model.summary import Summary, summarize
from cutedl_xp.model.weights import assign_weights

_LAYERS: tuple[type[Layer], ...] = (Dense, Dropout, Flatten)
"""Classes that a model file may name."""


class Model(Chain):
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
        assign_weights(self.parameters, w)

    def summary(self) -> Summary:
        """Return a table of the layers: name, shape of the output for one sample, number of parameters.

        The table is a str; a notebook shows an HTML table.

        Examples
        --------
        >>> import cutedl_xp as cdl
        >>> cdl.Model([cdl.layers.Dense(10, input_dim=784)]).assemble().summary()
        layer    output  parameters
        1-Dense  (10,)        7,850
        total                 7,850
        """
        shapes = {parameter.name: tuple(parameter.value.shape) for parameter in self.parameters}
        return summarize(self._named_layers(), shapes)

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
    ) -> Self:
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
