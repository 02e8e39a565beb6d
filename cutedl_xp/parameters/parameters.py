"""Parameters of a model, as a sequence and as one flat parameter."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, overload

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.parameters.named_arrays import Layout, concatenate, split
from cutedl_xp.parameters.parameter import Parameter


class Parameters(Sequence[Parameter]):
    """Parameters of a model, as a sequence and as one flat parameter.

    Parameters
    ----------
    backend, dtype
        Backend of the arrays, and their dtype.
    shapes
        Shape of each parameter by its name, in the order of the parameters. The initial values and gradients are zeros.

    Notes
    -----
    Where a library has views, the parameters are views into the two buffers of ``flat``, values and gradients, which
    never move. The buffers hold all weights before all biases: then the usual groups are contiguous, and an optimizer
    updates each with one call. On JAX, which has no views, parameters are separate arrays, which are concatenated when
    ``flat`` is read.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(3, input_dim=2, activation="relu")]).assemble("numpy")
    >>> [parameter.name for parameter in model.parameters]
    ['/1-Dense/weight', '/1-Dense/bias']
    >>> model.parameters.flat.value.shape
    (9,)
    """

    def __init__(self, backend: Backend, dtype: Any, shapes: Mapping[str, Shape]) -> None:
        self.backend = backend
        dtype = backend.dtype(dtype)
        in_memory = _by_kind(list(shapes))
        self.layout = Layout(shapes, [in_memory] if shapes and backend.has_views else None)

        def zeros(shape: Any) -> Array:
            return backend.xp.zeros(shape, dtype=dtype, device=backend.device)

        if backend.has_views:
            self._flat = Parameter("", zeros(sum(map(prod, shapes.values()))))
            starts, start = {}, 0
            for name in in_memory:
                starts[name] = start
                start += prod(shapes[name])
            self._items = tuple(Parameter.view(self._flat, name, starts[name], shape) for name, shape in shapes.items())
        else:
            self._items = tuple(Parameter(name, zeros(shape)) for name, shape in shapes.items())
            by_name = {each.name: each for each in self._items}
            self._flat = _ConcatenatedParameter(zeros(0), [by_name[name] for name in in_memory])

    @property
    def flat(self) -> Parameter:
        """One parameter of shape ``(n,)`` with the n entries of all parameters; always the same object."""
        return self._flat

    @contextmanager
    def holding(self, values: Sequence[Array], gradients: Sequence[Array] | None = None) -> Iterator[None]:
        """Return a context in which the parameters of a library without views hold other arrays.

        A compiled step is traced with arrays that have no values yet. In a library with views nothing changes: the step
        reads and writes the buffers.

        Parameters
        ----------
        values
            Value for each parameter.
        gradients
            Gradient for each parameter; by default the gradients stay the same.
        """
        if self.backend.has_views:
            yield
            return
        own = [(parameter._value, parameter._gradient) for parameter in self._items]
        gradients = [gradient for _, gradient in own] if gradients is None else gradients
        try:
            for parameter, value, gradient in zip(self._items, values, gradients, strict=True):
                parameter._value, parameter._gradient = value, gradient
            yield
        finally:
            for parameter, (value, gradient) in zip(self._items, own, strict=True):
                parameter._value, parameter._gradient = value, gradient

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


def _by_kind(names: list[str]) -> list[str]:
    """Return names sorted by their last parts, such as all ``"/.../weight"`` before all ``"/.../bias"``."""
    kinds = list(dict.fromkeys(name.rpartition("/")[2] for name in names))
    return sorted(names, key=lambda name: kinds.index(name.rpartition("/")[2]))


class _ConcatenatedParameter(Parameter):
    """Concatenation of several parameters, for a library without views."""

    __slots__ = ("_parts",)

    def __init__(self, empty: Array, parts: Sequence[Parameter]) -> None:
        super().__init__("", empty)
        self._parts = tuple(parts)

    @property
    def value(self) -> Array:
        """Values of the parts, one after the other."""
        return concatenate(self.backend, [part.value for part in self._parts]) if self._parts else self._value

    @value.setter
    def value(self, array: Array) -> None:
        self._assign("value", self._copied(array, self.value, "value"))

    @property
    def gradient(self) -> Array:
        """Gradients of the parts, one after the other."""
        return concatenate(self.backend, [part.gradient for part in self._parts]) if self._parts else self._gradient

    @gradient.setter
    def gradient(self, array: Array) -> None:
        self._assign("gradient", self._copied(array, self.gradient, "gradient"))

    def _assign(self, what: str, array: Array) -> None:
        shapes = {part.name: tuple(part.value.shape) for part in self._parts}
        for part, piece in zip(self._parts, split(self.backend, array, shapes).values(), strict=True):
            setattr(part, what, piece)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the parts alone."""
        return _ConcatenatedParameter, (self._value, self._parts)
