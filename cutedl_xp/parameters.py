"""A model's parameters one by one, and all of them, or of a group, as one."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, overload
from weakref import ref

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.parameter import Parameter


class FlatParameters(Sequence[Parameter]):
    """Parameters one by one, and all as one."""

    backend: Backend
    _items: tuple[Parameter, ...]

    @property
    @abstractmethod
    def flat(self) -> Parameter:
        """All as one parameter of shape ``(n,)``, with n the number of all entries; always the same object."""

    @property
    @abstractmethod
    def layout(self) -> Mapping[str, Shape]:
        """The parameters' names and shapes in their order within ``flat``; another object when they have moved."""

    @abstractmethod
    def group(self, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
        """Some of these; as a :class:`~cutedl_xp.parameters.ParameterGroup` where the library has views."""

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
        return f"{type(self).__name__}({', '.join(repr(parameter.name) for parameter in self)})"


class Parameters(FlatParameters):
    """A model's parameters, one by one and all as one.

    Parameters
    ----------
    backend, dtype
        Where they live, and their dtype.
    shapes
        The parameters' names and shapes, in their order. All values and gradients start as zeros.

    Notes
    -----
    Where a library has views, each parameter is one into the two buffers of ``flat``, so that an optimizer updates
    all in one call, and all gradients can be had as one array; elsewhere they are joined when they are asked for, and
    divided when they are assigned.
    """

    def __init__(self, backend: Backend, dtype: Any, shapes: Mapping[str, Shape]) -> None:
        self.backend = backend
        self._layout = dict(shapes)
        size = sum(prod(shape) for shape in shapes.values())
        buffer = backend.xp.zeros(size, dtype=backend.dtype(dtype), device=backend.device)
        whole = Parameter("", buffer)
        values, gradients = (unflatten(backend, array, shapes) for array in (whole.value, whole.gradient))
        self._items = tuple(Parameter(name, values[name], gradients[name]) for name in shapes)
        self._flat = whole if backend.has_views else _Joined(whole, self._items, shapes)
        for place, parameter in [*enumerate(self._items), (None, self._flat)]:
            parameter._origin = (ref(self), place)  # weak, so that a model's memory is free as soon as nobody has it

    @property
    def flat(self) -> Parameter:
        return self._flat

    @property
    def layout(self) -> Mapping[str, Shape]:
        return self._layout

    def group(self, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
        return ParameterGroup(self, [each.name for each in parameters]) if self.backend.has_views else tuple(parameters)

    def _rearrange(self, names: Sequence[str]) -> None:
        """Move all to new buffers, in this order."""
        other = Parameters(self.backend, self._flat.value.dtype, {name: self._layout[name] for name in names})
        places = {parameter.name: parameter for parameter in other}
        for parameter in self:
            place = places[parameter.name]
            place.value, place.gradient = parameter.value, parameter.gradient
            parameter._renew(place.value, place.gradient)
        self._flat._renew(other.flat.value, other.flat.gradient)
        self._layout = other._layout

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """How they are copied and pickled: from the two arrays that hold everything."""
        names = [parameter.name for parameter in self]
        return _restored, (self.backend, names, self._layout, self._flat.value, self._flat.gradient)


class ParameterGroup(FlatParameters):
    """Some of a model's parameters, one by one and all as one.

    Parameters
    ----------
    whole
        All of the model's, of a library with views.
    names
        Of those in the group.

    Notes
    -----
    When ``flat`` or ``layout`` is asked for and the group does not lie together, all of the model's parameters move to
    new buffers in which it does: what was had of their arrays before is a copy then.
    """

    def __init__(self, whole: Parameters, names: Sequence[str]) -> None:
        self.backend = whole.backend
        self._whole = whole
        self._items = tuple(parameter for parameter in whole if parameter.name in names)
        self._layout: Mapping[str, Shape] = {}
        self._seen: Mapping[str, Shape] = {}  # the layout of the whole that _flat is a part of
        self._flat = Parameter("", whole.flat.value[:0], whole.flat.gradient[:0])
        self._flat._origin = (ref(self), None)

    @property
    def flat(self) -> Parameter:
        self._follow()
        return self._flat

    @property
    def layout(self) -> Mapping[str, Shape]:
        self._follow()
        return self._layout

    def group(self, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
        return self._whole.group(parameters)

    def _follow(self) -> None:
        """See to it that the group lies together, and that ``flat`` is where it lies."""
        if self._seen is self._whole.layout:
            return
        own = {parameter.name for parameter in self}
        order = list(self._whole.layout)
        places = [place for place, name in enumerate(order) if name in own]
        first = places[0]
        if places != list(range(first, first + len(places))):
            together = [order[place] for place in places]
            others = [name for name in order if name not in own]
            self._whole._rearrange([*others[:first], *together, *others[first:]])
        self._seen = self._whole.layout
        self._layout = {name: shape for name, shape in self._seen.items() if name in own}
        sizes = [prod(shape) for shape in self._seen.values()]
        start = sum(sizes[:first])
        part = slice(start, start + sum(sizes[first : first + len(own)]))
        self._flat._renew(self._whole.flat.value[part], self._whole.flat.gradient[part])

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """How it is copied and pickled: as a part of the whole."""
        return ParameterGroup, (self._whole, [parameter.name for parameter in self])


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
        return flatten(self.backend, arrays) if arrays else self._value


def _restored(
    backend: Backend, names: list[str], layout: Mapping[str, Shape], value: Array, gradient: Array
) -> Parameters:
    parameters = Parameters(backend, value.dtype, {name: layout[name] for name in names})
    if names != list(layout):
        parameters._rearrange(list(layout))
    parameters.flat.value, parameters.flat.gradient = value, gradient
    return parameters


def flatten(backend: Backend, arrays: Sequence[Array]) -> Array:
    """Arrays of any shapes, one after the other, as one of shape ``(n,)``."""
    return backend.xp.concat([backend.xp.reshape(array, (-1,)) for array in arrays])


def unflatten(backend: Backend, buffer: Array, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """The pieces of a flat buffer, one after the other, by name; views where the library has them."""
    pieces, start = {}, 0
    for name, shape in shapes.items():
        stop = start + prod(shape)
        pieces[name] = backend.xp.reshape(buffer[start:stop], shape)
        start = stop
    return pieces
