"""A model's parameters one by one, and all of them, or of a group, as one."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any, overload
from weakref import ref

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.parameter import Parameter


class FlatParameters(Sequence[Parameter]):
    """Parameters one by one, and all as one.

    Attributes
    ----------
    flat
        All as one parameter of shape ``(n,)``, with n the number of all entries.
    layout
        The parameters' names and shapes in their order within ``flat``.
    """

    backend: Backend
    layout: Mapping[str, Shape]
    _items: tuple[Parameter, ...]

    @property
    @abstractmethod
    def flat(self) -> Parameter:
        """All parameters as one."""

    def grouped(self, groups: Sequence[Sequence[Parameter]]) -> list[Sequence[Parameter]]:
        """The same groups of these parameters, each as one where that can be."""
        return list(groups)

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
        self.layout = MappingProxyType(dict(shapes))
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

    def grouped(self, groups: Sequence[Sequence[Parameter]]) -> list[Sequence[Parameter]]:
        """The same groups, each a :class:`~cutedl_xp.parameters.ParameterGroup` where the library has views.

        Parameters
        ----------
        groups
            Every parameter in one of them.

        Notes
        -----
        Where the parameters of a group do not lie side by side, all move to new buffers: ``flat`` has another order
        then, and arrays that were had of the parameters before are no longer theirs.
        """
        if not self.backend.has_views:
            return list(groups)
        places = {name: place for place, name in enumerate(self.layout)}
        chosen = [sorted((parameter.name for parameter in group), key=places.__getitem__) for group in groups]
        order = [name for names in sorted(chosen, key=lambda names: places[names[0]]) for name in names]
        if order != list(self.layout):
            self._move(order)
        return [ParameterGroup(self, names) for names in chosen]

    def _move(self, order: Sequence[str]) -> None:
        other = Parameters(self.backend, self._flat.value.dtype, {name: self.layout[name] for name in order})
        places = {parameter.name: parameter for parameter in other}
        for parameter in self:
            place = places[parameter.name]
            place.value, place.gradient = parameter.value, parameter.gradient
            parameter._value, parameter._gradient = place.value, place.gradient
        self._flat, self.layout = other.flat, other.layout
        self._flat._origin = (ref(self), None)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """How they are copied and pickled: from the two arrays that hold everything."""
        names = tuple(parameter.name for parameter in self)
        return _restored, (self.backend, names, dict(self.layout), self._flat.value, self._flat.gradient)


class ParameterGroup(FlatParameters):
    """Some of a model's parameters that lie side by side in its buffers.

    Parameters
    ----------
    whole
        All of the model's.
    names
        Of those in the group, in their order in memory.
    """

    def __init__(self, whole: Parameters, names: Sequence[str]) -> None:
        self.backend = whole.backend
        self.layout = MappingProxyType({name: whole.layout[name] for name in names})
        self._whole, self._source = whole, whole.flat
        self._items = tuple(parameter for parameter in whole if parameter.name in self.layout)
        before = list(whole.layout)[: list(whole.layout).index(names[0])]
        start = sum(prod(whole.layout[name]) for name in before)
        own = slice(start, start + sum(prod(shape) for shape in self.layout.values()))
        self._flat = Parameter("", self._source.value[own], self._source.gradient[own])
        self._flat._origin = (ref(self), None)

    @property
    def flat(self) -> Parameter:
        if self._source is not self._whole.flat:
            raise moved(self)
        return self._flat

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """How it is copied and pickled: as a part of the whole."""
        return ParameterGroup, (self._whole, tuple(self.layout))


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


def moved(parameters: Sequence[Parameter]) -> RuntimeError:
    """What is raised by who relies on where parameters were."""
    names = ", ".join(repr(parameter.name) for parameter in parameters)
    return RuntimeError(f"{names} have moved in memory for the groups of another optimizer; make a new optimizer")


def _restored(
    backend: Backend, names: Sequence[str], layout: Mapping[str, Shape], value: Array, gradient: Array
) -> Parameters:
    parameters = Parameters(backend, value.dtype, {name: layout[name] for name in names})
    if list(names) != list(layout):
        parameters._move(list(layout))
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
