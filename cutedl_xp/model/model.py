"""Model: a sequence of layers with predictions and files."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

from cutedl_xp._checks import check_integer, check_real, format_reason
from cutedl_xp._familiar import OF_MODEL_FILES, refuse_keywords
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, dtype_name, get_backend
from cutedl_xp.datasets import Batches, Dataset
from cutedl_xp.files import arrays as files
from cutedl_xp.files.finite import warn_of_non_finite
from cutedl_xp.files.model_file import check_arrays, check_custom_layers, make_header, read_header
from cutedl_xp.layers import Activation, BatchNormalization, Dense, Dropout, Flatten, Layer, LayerNormalization
from cutedl_xp.model.chain import Chain
from cutedl_xp.model.prediction import as_source, count_rows, is_integral, predict_batches, predict_given
from cutedl_xp.model.summary import Summary, summarize
from cutedl_xp.model.weights import assign_weights

_LAYERS: tuple[type[Layer], ...] = (
    Dense,
    Dropout,
    Flatten,
    LayerNormalization,
    BatchNormalization,
    Activation,
)
"""Classes of layers that a model file may name."""


class Model(Chain):
    """Sequence of layers.

    Parameters
    ----------
    layers
        Layers, at least one, each a different object. The first layer that needs the width of its input has
        ``input_dim``.

    Raises
    ------
    TypeError, ValueError
        If ``layers`` is empty, or has the same layer twice or an object that is no layer.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layers = [cdl.layers.Dense(3, input_dim=4, activation="relu"), cdl.layers.Dense(2, activation="linear")]
    >>> model = cdl.Model(layers)
    >>> model.assemble(seed=0).parameters
    Parameters('/1-Dense/weight', '/1-Dense/bias', '/2-Dense/weight', '/2-Dense/bias')
    """

    _scale: float | None = None

    @property
    def scale(self) -> float | None:
        """Factor of raw samples, such as ``1 / 255`` for images of uint8; None, the default, leaves them unchanged.

        ``Session.fit`` assigns the scale of its training data, if they have one, and :meth:`save` includes it. The
        scale applies to arrays of integers and booleans in :meth:`predict`, and in the tuples that ``Session.fit`` and
        ``Session.evaluate`` take. Arrays of floating-point numbers are assumed to be scaled and stay unchanged, and a
        Dataset has its own scale.
        """
        return self._scale

    @scale.setter
    def scale(self, scale: float | None) -> None:
        self._scale = None if scale is None else check_real("scale", scale)

    def predict(self, x: Any, batch_size: int | None = None) -> Array:
        """Return the output for samples, without training behaviour.

        Parameters
        ----------
        x
            Samples of shape ``(n, ...)``, converted to the model's dtype: an array of NumPy or the model's backend, a
            list or a pandas DataFrame, a Dataset, whose samples are taken in their order times its scale, or
            ``Dataset.from_batches``, whose batches of epoch 0 are used. Arrays of integers and booleans are raw samples
            and are multiplied by :attr:`scale`. Arrays of floating-point numbers are never scaled, even if the Dataset
            of the training had a scale: multiply raw ones by it, or give them in a Dataset with this scale.
        batch_size
            Number of samples to compute at once. The default is None, which bounds the memory: a batch of the widest
            layer has about a million entries.

        Returns
        -------
        Array
            Outputs of shape ``(n, ...)``, on the model's backend.

        Raises
        ------
        TypeError, ValueError
            If ``x`` is an array of another library or device, or its samples do not fit the layers.

        Notes
        -----
        Outputs for different batch sizes are equal to rounding. They are equal to the bit where the library's matrix
        product adds the terms of an entry in an order that does not depend on the number of rows, which BLAS libraries
        do not guarantee. For batches of ``Dataset.from_batches``, the outputs of all batches and the result are in
        memory at once.

        Examples
        --------
        >>> import numpy as np
        >>> import cutedl_xp as cdl
        >>> model = cdl.Model([cdl.layers.Dense(2, input_dim=1, activation="relu")]).assemble("numpy")
        >>> model.scale = 1 / 255
        >>> raw = np.array([[0], [128], [255]], dtype="uint8")
        >>> bool(np.allclose(model.predict(raw), model.predict(raw / 255), atol=1e-6))
        True
        """
        backend = self.backend
        if isinstance(x, Batches):
            rows = self._rows_at_once(x.sample_shape, batch_size)
            with backend.active(), backend.ignore_underflow():
                return predict_given(self._outputs, backend, self.dtype, x, rows)
        source = as_source(backend, x.data if isinstance(x, Dataset) else x)
        rows = self._rows_at_once(tuple(source.shape[1:]), batch_size, tuple(source.shape))
        scale = self.scale if is_integral(backend, source) else None
        if isinstance(x, Dataset):
            scale = x.scale
        with backend.active(), backend.ignore_underflow():
            return predict_batches(self._outputs, backend, self.dtype, source, scale, rows)

    def _rows_at_once(self, sample_shape: Shape, batch_size: int | None, given: Shape | None = None) -> int:
        rows = count_rows(self.layers, sample_shape, given)
        return rows if batch_size is None else check_integer("batch_size", batch_size, at_least=1)

    def _outputs(self, x: Array) -> Array:
        return self.forward(x, training=False)[0]

    def weights(self) -> dict[str, Any]:
        """Return the value of each parameter and buffer by its name, as a copy in a NumPy array.

        Examples
        --------
        >>> import cutedl_xp as cdl
        >>> model = cdl.Model([cdl.layers.Dense(2, input_dim=1, activation="relu")]).assemble("numpy")
        >>> before = model.weights()
        >>> model.parameters[0].value[...] = 0.0
        >>> model.set_weights(before)
        >>> bool((model.parameters[0].value == before["/1-Dense/weight"]).all())
        True
        """
        return {each.name: self.backend.to_numpy(each.value).copy() for each in (*self.parameters, *self.buffers)}

    def set_weights(self, w: Mapping[str, Any]) -> None:
        """Copy values into all parameters and buffers, after all of them are checked.

        Parameters
        ----------
        w
            Value of each parameter and buffer by its name: an array of NumPy or of the model's backend, of the same
            shape, converted to the model's dtype.

        Raises
        ------
        TypeError, ValueError
            If a name is missing or unknown, or a value has another shape.
        """
        assign_weights((*self.parameters, *self.buffers), w)

    def summary(self) -> Summary:
        """Return a table of the layers: name, shape of the output for one sample, number of parameters.

        The table is a str; a notebook shows an HTML table. The total counts trained parameters; if layers have buffers,
        a second total counts their entries, which no optimizer trains.

        Examples
        --------
        >>> import cutedl_xp as cdl
        >>> cdl.Model([cdl.layers.Dense(10, input_dim=784, activation="relu")]).assemble().summary()
        layer    output  parameters
        1-Dense  (10,)        7,850
        total                 7,850
        """
        shapes, untrained = (
            {each.name: tuple(each.value.shape) for each in arrays} for arrays in (self.parameters, self.buffers)
        )
        return summarize(self._named_layers(), shapes, untrained)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the layers, the scale, the weights and their SHA-256 to the safetensors file ``path``, atomically.

        The previous file stays unchanged until the new one is on the disk. Symbolic links are followed, and an existing
        file keeps its permissions. Initializers given as callables are not recorded: the file holds the values.

        Raises
        ------
        ImportError
            If safetensors is not installed.
        OSError
            If the file cannot be written.

        Warns
        -----
        RuntimeWarning
            If a parameter or a buffer is NaN or infinite; the warning names the first one.
        """
        weights = self.weights()
        warn_of_non_finite(weights, stacklevel=2)
        files.write(path, weights, make_header(self.layers, dtype_name(self.dtype), self.scale))

    @classmethod
    @refuse_keywords(OF_MODEL_FILES)
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
            A backend or its name; by default the result of :func:`cutedl_xp.get_backend`.
        custom_layers
            Layer classes of your own that the file may name; the file itself contains no code.

        Raises
        ------
        FileNotFoundError, IsADirectoryError
            If the path does not exist or is a directory.
        ValueError
            If the file is no model file, is damaged, was written by a newer version of this library, or names an
            unknown layer.
        """
        backend = get_backend(backend)
        check_custom_layers(custom_layers, Layer)
        arrays, header = files.read(path)
        try:
            described, dtype = read_header(header, [*_LAYERS, *custom_layers])
            model = cls(described)
            check_arrays(arrays, model.weight_shapes(), dtype)
            model.scale = header.get("scale")
            model.assemble(backend, dtype)
        except (KeyError, TypeError, ValueError) as error:
            reason = format_reason(error)
            raise ValueError(f"{os.fspath(path)} does not hold a model that can be made here: {reason}") from error
        model.set_weights(arrays)
        return model
