"""Trained arrays of a model, each with its gradient."""

from math import prod
from typing import Any

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of, check_together, describe, dtype_name


def fit_to(target: Array, source: Any, what: str, backend: Backend) -> Array:
    """Return ``source`` as an array of the backend with the dtype of ``target``; raise if the shapes differ."""
    if not (backend.owns(source) and source.dtype == target.dtype):
        source = backend.asarray(source, dtype=target.dtype)
    if source.shape != target.shape:
        raise ValueError(f"{what} has shape {tuple(target.shape)}; got one of shape {tuple(source.shape)}")
    fitting: Array = source
    return fitting


class Parameter:
    """Named array that is trained, and the gradient of the loss with respect to it.

    Parameters
    ----------
    name
        Name, unique within a model, such as ``"/1-Dense/weight"``.
    value
        Array of float32 or float64, of any shape and any backend.
    gradient
        Array of the shape and dtype of ``value``; zeros by default.

    Notes
    -----
    Where a library's arrays can be written to, ``value`` and ``gradient`` always stay the same two arrays: assigning to
    one copies into its memory. Where arrays cannot be written to (JAX), assigning replaces them.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp import Parameter
    >>> weight = Parameter("weight", np.zeros((2, 3), dtype="float32"))
    >>> weight.value = np.ones((2, 3))
    >>> weight
    Parameter('weight', shape=(2, 3), dtype=float32)
    """

    __slots__ = ("_gradient", "_source", "_value", "backend", "name")

    def __init__(self, name: str, value: Array, gradient: Array | None = None) -> None:
        self.name = name
        self.backend = backend_of(value)
        self._source: tuple[Parameter, int] | None = None  # for a view, the flat parameter and the first entry
        xp = self.backend.xp
        if dtype_name(value.dtype) not in ("float32", "float64"):
            raise TypeError(f"`value` of {name!r} must be an array of float32 or float64; got {describe(value)}")
        if not hasattr(value, "__setitem__"):
            value = xp.asarray(value)  # a NumPy scalar as a 0-d array, which can be written to
        if not self.backend.writable(value):
            raise ValueError(f"`value` of {name!r} cannot be written to; give a copy of it")
        self._value = value
        self._gradient = xp.zeros_like(value) if gradient is None else gradient
        check_together(f"`gradient` of {name!r}", self._gradient, "its value", value)
        if not self.backend.writable(self._gradient):
            raise ValueError(f"`gradient` of {name!r} cannot be written to; give a copy of it")
        if self._gradient.shape != value.shape:
            raise ValueError(
                f"`gradient` of {name!r} has shape {tuple(self._gradient.shape)}; its value has {tuple(value.shape)}"
            )

    @classmethod
    def view(cls, flat: "Parameter", name: str, start: int, shape: Shape) -> "Parameter":
        """Return a parameter whose memory is a part of a flat parameter, where the library has views.

        Parameters
        ----------
        flat
            Parameter of shape ``(n,)``.
        name
            Name of the new parameter.
        start
            Number of entries of ``flat`` before its first entry.
        shape
            Shape of the new parameter.
        """
        part, xp = slice(start, start + prod(shape)), flat.backend.xp
        parameter = cls(name, *(xp.reshape(array[part], shape) for array in (flat.value, flat.gradient)))
        parameter._source = (flat, start)
        return parameter

    @property
    def value(self) -> Array:
        """Array of the parameter."""
        return self._value

    @value.setter
    def value(self, array: Array) -> None:
        if array is not self._value:
            self._value = self._copied(array, self._value, "value")

    @property
    def gradient(self) -> Array:
        """Gradient of the loss, of the value's shape and dtype."""
        return self._gradient

    @gradient.setter
    def gradient(self, array: Array) -> None:
        if array is not self._gradient:
            self._gradient = self._copied(array, self._gradient, "gradient")

    def _copied(self, source: Any, target: Array, what: str) -> Array:
        return self.backend.write(target, fit_to(target, source, f"the {what} of {self.name!r}", self.backend))

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Copy and pickle a view together with the flat parameter, so that the copies share memory again."""
        if self._source is None:
            return Parameter, (self.name, self.value, self.gradient)
        flat, start = self._source
        return Parameter.view, (flat, self.name, start, tuple(self.value.shape))

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={tuple(self.value.shape)}, dtype={self.value.dtype})"
