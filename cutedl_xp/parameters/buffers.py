"""Arrays of a model that a training changes and no optimizer trains."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, overload

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of
from cutedl_xp.parameters.parameter import fit_to

_NOTHING = nullcontext()


class Buffer:
    """Named array of a layer's state that no optimizer trains, such as a running mean.

    Parameters
    ----------
    name
        Name, unique within a model, such as ``"/2-BatchNormalization/running_mean"``.
    value
        Floating-point array of any shape and any backend.

    Notes
    -----
    A layer assigns the new value in a forward pass of the training. Where a library's arrays can be written to,
    ``value`` stays the same array: assigning copies into its memory. A training step keeps the values that its forward
    pass assigns apart until its update is done, so that a failed step changes nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.parameters import Buffer
    >>> mean = Buffer("mean", np.zeros(3))
    >>> mean.value = np.ones(3)
    >>> mean
    Buffer('mean', shape=(3,), dtype=float64)
    """

    __slots__ = ("_apart", "_value", "backend", "name")

    def __init__(self, name: str, value: Array) -> None:
        self.name, self.backend = name, backend_of(value)
        self._value, self._apart = value, False

    @property
    def value(self) -> Array:
        """Array of the buffer."""
        return self._value

    @value.setter
    def value(self, array: Array) -> None:
        if array is not self._value:
            new = fit_to(self._value, array, f"the value of {self.name!r}", self.backend)
            self._value = new if self._apart else self.backend.write(self._value, new)

    def __repr__(self) -> str:
        return f"Buffer({self.name!r}, shape={tuple(self.value.shape)}, dtype={self.value.dtype})"


class Buffers(Sequence[Buffer]):
    """Buffers of a model.

    Parameters
    ----------
    backend, dtype
        Backend of the arrays, and their dtype.
    shapes
        Shape of each buffer by its name, in the order of the buffers. The initial values are zeros.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layers = [cdl.layers.Dense(4, input_dim=2, activation="relu"), cdl.layers.BatchNormalization()]
    >>> cdl.Model(layers).assemble("numpy").buffers
    Buffers('/2-BatchNormalization/running_mean', '/2-BatchNormalization/running_variance')
    """

    def __init__(self, backend: Backend, dtype: Any, shapes: Mapping[str, Shape]) -> None:
        xp, options = backend.xp, {"dtype": backend.dtype(dtype), "device": backend.device}
        self._items = tuple(Buffer(name, xp.zeros(shape, **options)) for name, shape in shapes.items())

    @property
    def values(self) -> list[Array]:
        """Array of each buffer."""
        return [buffer.value for buffer in self._items]

    @contextmanager
    def holding(self, values: Sequence[Array]) -> Iterator[None]:
        """Return a context in which the buffers hold other arrays; assignments replace them and write nothing.

        Parameters
        ----------
        values
            Array for each buffer.
        """
        own = [(buffer._value, buffer._apart) for buffer in self._items]
        try:
            for buffer, value in zip(self._items, values, strict=True):
                buffer._value, buffer._apart = value, True
            yield
        finally:
            for buffer, (value, apart) in zip(self._items, own, strict=True):
                buffer._value, buffer._apart = value, apart

    def updating(self) -> AbstractContextManager[None]:
        """Return a context that keeps assigned values apart, and writes them at its end unless its block raises."""
        return self._updating() if self._items else _NOTHING

    @contextmanager
    def _updating(self) -> Iterator[None]:
        with self.holding(self.values):
            yield
            new = self.values
        for buffer, value in zip(self._items, new, strict=True):
            buffer.value = value

    @overload
    def __getitem__(self, index: int) -> Buffer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Buffer]: ...
    def __getitem__(self, index: int | slice) -> Buffer | Sequence[Buffer]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Buffers({', '.join(repr(buffer.name) for buffer in self)})"
