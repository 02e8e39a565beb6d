"""What is trained: named arrays with their gradients, and all of a model's as one."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any, overload
from weakref import ReferenceType, ref

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of, check_together, describe, dtype_name


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
    Where a library's arrays can be written to, ``value`` and ``gradient`` stay the same two arrays for as long as the
    parameter lives: assigning to one copies into its memory. Where they cannot (JAX), it replaces the array.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp import Parameter
    >>> weight = Parameter("weight", np.zeros((2, 3), dtype="float32"))
    >>> weight.value = np.ones((2, 3))
    >>> weight
    Parameter('weight', shape=(2, 3), dtype=float32)
    """

    __slots__ = ("_gradient", "_origin", "_value", "backend", "name")

    def __init__(self, name: str, value: Array, gradient: Array | None = None) -> None:
        self.name = name
        self.backend = backend_of(value)
        self._origin: tuple[ReferenceType[Parameters], int | None] | None = None
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
        if self._gradient.shape != value.shape:
            raise ValueError(
                f"`gradient` of {name!r} has shape {tuple(self._gradient.shape)}; its value has {tuple(value.shape)}"
            )

    @property
    def value(self) -> Array:
        """The array itself."""
        return self._value

    @value.setter
    def value(self, array: Array) -> None:
        if array is not self._value:
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

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """How it is copied and pickled: a model's parameter together with the others, whose memory it shares."""
        parameters = self._origin[0]() if self._origin else None
        if self._origin is None or parameters is None:
            return Parameter, (self.name, self.value, self.gradient)
        return _member, (parameters, self._origin[1])

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={tuple(self.value.shape)}, dtype={self.value.dtype})"


class Parameters(Sequence[Parameter]):
    """A model's parameters, one by one and all as one.

    Parameters
    ----------
    backend, dtype
        Where they live, and their dtype.
    shapes
        The parameters' names and shapes, in their order. All values and gradients start as zeros.

    Attributes
    ----------
    shapes
        As given.

    Notes
    -----
    :attr:`flat` is one parameter of shape ``(n,)`` with n the number of all entries, so that an optimizer updates all
    in one call, and all gradients can be had as one array. Where a library has views, each parameter is one into its
    two buffers; elsewhere they are joined when they are asked for, and divided when they are assigned.
    """

    def __init__(self, backend: Backend, dtype: Any, shapes: Mapping[str, Shape]) -> None:
        self.backend = backend
        size = sum(prod(shape) for shape in shapes.values())
        buffer = backend.xp.zeros(size, dtype=backend.dtype(dtype), device=backend.device)
        whole = Parameter("", buffer)
        values, gradients = (unflatten(backend, array, shapes) for array in (whole.value, whole.gradient))
        self.shapes: Mapping[str, Shape] = MappingProxyType(dict(shapes))
        self._items = tuple(Parameter(name, values[name], gradients[name]) for name in shapes)
        self._flat = whole if backend.has_views else _Joined(whole, self._items, self.shapes)
        for place, parameter in [*enumerate(self._items), (None, self._flat)]:
            parameter._origin = (ref(self), place)  # weak, so that a model's memory is free as soon as nobody has it

    @property
    def flat(self) -> Parameter:
        """All parameters as one."""
        return self._flat

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """How they are copied and pickled: from the two arrays that hold everything."""
        return _restored, (self.backend, dict(self.shapes), self._flat.value, self._flat.gradient)

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


class _Joined(Parameter):
    """Several parameters as one, of a library without views."""

    __slots__ = ("_parts", "_shapes")

    def __init__(self, whole: Parameter, parts: Sequence[Parameter], shapes: Mapping[str, Shape]) -> None:
        super().__init__(whole.name, whole.value, whole.gradient)
        self._parts = {part.name: part for part in parts}
        self._shapes = shapes

    @property
    def value(self) -> Array:
        """The parts' values, one after the other."""
        return self._join([part.value for part in self._parts.values()])

    @value.setter
    def value(self, array: Array) -> None:
        for name, value in unflatten(self.backend, self._copied(array, self._value, "value"), self._shapes).items():
            self._parts[name].value = value

    @property
    def gradient(self) -> Array:
        """The parts' gradients, one after the other."""
        return self._join([part.gradient for part in self._parts.values()])

    @gradient.setter
    def gradient(self, array: Array) -> None:
        copied = self._copied(array, self._gradient, "gradient")
        for name, gradient in unflatten(self.backend, copied, self._shapes).items():
            self._parts[name].gradient = gradient

    def _join(self, arrays: list[Array]) -> Array:
        xp = self.backend.xp
        return xp.concat([xp.reshape(array, (-1,)) for array in arrays]) if arrays else self._value


def _member(parameters: Parameters, place: int | None) -> Parameter:
    return parameters.flat if place is None else parameters[place]


def _restored(backend: Backend, shapes: Mapping[str, Shape], value: Array, gradient: Array) -> Parameters:
    parameters = Parameters(backend, value.dtype, shapes)
    parameters.flat.value, parameters.flat.gradient = value, gradient
    return parameters


def unflatten(backend: Backend, buffer: Array, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """The pieces of a flat buffer, one after the other, by name; views where the library has them."""
    pieces, start = {}, 0
    for name, shape in shapes.items():
        stop = start + prod(shape)
        pieces[name] = backend.xp.reshape(buffer[start:stop], shape)
        start = stop
    return pieces
