"""What is trained: named arrays with their gradients, laid out in two flat buffers."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, overload

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of, describe


class Parameter:
    """A named array that is trained, and the gradient of the loss with respect to it.

    Parameters
    ----------
    name
        Unique within a model, such as ``"/1-Dense/weight"``.
    value
        A floating-point array of any shape and any backend.
    gradient
        An array like ``value``; zeros if not given.

    Notes
    -----
    ``value`` and ``gradient`` stay the same two arrays for as long as the parameter lives: assigning to one copies
    into its memory.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp import Parameter
    >>> weight = Parameter("weight", np.zeros((2, 3), dtype="float32"))
    >>> weight.value = np.ones((2, 3))
    >>> weight
    Parameter('weight', shape=(2, 3), dtype=float32)
    """

    __slots__ = ("_gradient", "_value", "backend", "name")

    def __init__(self, name: str, value: Array, gradient: Array | None = None) -> None:
        self.name = name
        self.backend = backend_of(value)
        xp = self.backend.xp
        if not xp.isdtype(value.dtype, "real floating"):
            raise TypeError(f"`value` of {name!r} must be a floating-point array; got {describe(value)}")
        if not hasattr(value, "__setitem__"):
            value = xp.asarray(value)  # a NumPy scalar as a 0-d array, which can be written to
        self._value = value
        self._gradient = xp.zeros_like(value) if gradient is None else gradient
        if not self.backend.owns(self._gradient) or self._gradient.dtype != value.dtype:
            raise TypeError(
                f"`gradient` of {name!r} must be like its value, {describe(value)}; got {describe(gradient)}"
            )
        if self._gradient.shape != value.shape:
            raise ValueError(f"`gradient` of {name!r} has shape {self._gradient.shape}; its value has {value.shape}")

    @property
    def value(self) -> Array:
        """The array itself."""
        return self._value

    @value.setter
    def value(self, array: Array) -> None:
        self._value = self._copied(array, self._value, "value")

    @property
    def gradient(self) -> Array:
        """The gradient of the loss, of the value's shape and dtype."""
        return self._gradient

    @gradient.setter
    def gradient(self, array: Array) -> None:
        if array is not self._gradient:
            self._gradient = self._copied(array, self._gradient, "gradient")

    def _copied(self, source: Any, target: Array, what: str) -> Array:
        if not (self.backend.owns(source) and source.dtype == target.dtype):
            source = self.backend.asarray(source, dtype=target.dtype)
        if source.shape != target.shape:
            raise ValueError(
                f"the {what} of {self.name!r} has shape {tuple(target.shape)}; got one of shape {tuple(source.shape)}"
            )
        return self.backend.write(target, source)

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={tuple(self._value.shape)}, dtype={self._value.dtype})"


class Parameters(Sequence[Parameter]):
    """A model's parameters over one flat buffer of values and one of gradients.

    Each :class:`Parameter` is a view into the buffers, so an optimizer updates all of them in one call, and all
    gradients can be had as one array.

    Parameters
    ----------
    backend, dtype
        Where the buffers live, and their dtype.
    shapes
        The parameters' names and shapes, in their order.

    Attributes
    ----------
    values, gradients
        The two buffers, of shape ``(n,)`` with n the number of all entries; both start as zeros.
    """

    def __init__(self, backend: Backend, dtype: Any, shapes: Mapping[str, Shape]) -> None:
        self.backend = backend
        size = sum(prod(shape) for shape in shapes.values())
        dtype = backend.dtype(dtype)
        self.values: Array = backend.xp.zeros(size, dtype=dtype, device=backend.device)
        self.gradients: Array = backend.xp.zeros(size, dtype=dtype, device=backend.device)
        values, gradients = (unflatten(backend, buffer, shapes) for buffer in (self.values, self.gradients))
        self._items = tuple(Parameter(name, values[name], gradients[name]) for name in shapes)

    @overload
    def __getitem__(self, index: int) -> Parameter: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Parameter]: ...
    def __getitem__(self, index: int | slice) -> Parameter | Sequence[Parameter]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._items)

    def __repr__(self) -> str:
        return f"Parameters({', '.join(repr(parameter.name) for parameter in self)})"


def unflatten(backend: Backend, buffer: Array, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """Views into a flat buffer, one after the other, by name."""
    views, start = {}, 0
    for name, shape in shapes.items():
        stop = start + prod(shape)
        views[name] = backend.xp.reshape(buffer[start:stop], shape)
        start = stop
    return views
