"""Named arrays in contiguous runs of memory."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import prod
from typing import Any

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend


class Layout:
    """Names and shapes of arrays, and the contiguous runs that hold them.

    Parameters
    ----------
    shapes
        Shape of each array by its name, in the order of the arrays.
    runs
        For each run the names of its arrays, in their order in memory; by default each array is a run.

    Examples
    --------
    >>> from cutedl_xp.parameters import Layout
    >>> shapes = {"weight": (2, 3), "bias": (3,)}
    >>> Layout(shapes).runs, Layout(shapes, [["weight", "bias"]]).runs
    ((('weight',), ('bias',)), (('weight', 'bias'),))
    """

    def __init__(self, shapes: Mapping[str, Shape], runs: Iterable[Sequence[str]] | None = None) -> None:
        self.shapes = dict(shapes)
        self.runs = tuple((name,) for name in shapes) if runs is None else tuple(map(tuple, runs))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and (self.shapes, self.runs) == (other.shapes, other.runs)

    __hash__ = None  # type: ignore[assignment]


class NamedArrays:
    """Named arrays: values of parameters, their gradients, or a slot of an optimizer.

    Parameters
    ----------
    layout
        Names and shapes of the arrays, and the runs that hold them.
    runs
        Array of each run: of shape ``(n,)``, or of the shape of its only array.
    backends
        Backend of each run.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> from cutedl_xp.parameters import Layout, NamedArrays
    >>> layout = Layout({"a": (2,), "b": (1, 2)}, [["a", "b"]])
    >>> NamedArrays(layout, [np.arange(4.0)], [cdl.get_backend("numpy")]).views
    {'a': array([0., 1.]), 'b': array([[2., 3.]])}
    """

    __slots__ = ("_selected", "_views", "backends", "in_place", "layout", "runs")

    def __init__(self, layout: Layout, runs: Sequence[Array], backends: Sequence[Backend]) -> None:
        self.layout, self.runs, self.backends = layout, list(runs), list(backends)
        self.in_place = all(backend.has_views for backend in backends)  # whether the runs can be written to
        self._views: dict[str, Array] | None = None
        self._selected: dict[frozenset[str], NamedArrays] = {}

    @property
    def views(self) -> dict[str, Array]:
        """Arrays by name, in the order of the layout; parts of the runs where the library has views."""
        if self._views is None:
            found: dict[str, Array] = {}
            for names, run, backend in zip(self.layout.runs, self.runs, self.backends, strict=True):
                shapes = {name: self.layout.shapes[name] for name in names}
                alone = len(names) == 1 and tuple(run.shape) == shapes[names[0]]
                found |= {names[0]: run} if alone else split(backend, run, shapes)
            self._views = {name: found[name] for name in self.layout.shapes}
        return self._views

    def select(self, names: Iterable[str]) -> "NamedArrays":
        """Return the arrays ``names``, in runs as long as possible; equal calls return the same object."""
        wanted = frozenset(names)
        if wanted == self.layout.shapes.keys():
            return self
        if wanted not in self._selected:
            stretches, runs, backends = [], [], []
            for run, array, backend in zip(self.layout.runs, self.runs, self.backends, strict=True):
                start = 0
                for chosen, stretch in groupby(run, wanted.__contains__):
                    together = tuple(stretch)
                    stop = start + sum(prod(self.layout.shapes[name]) for name in together)
                    if chosen:
                        stretches.append(together)
                        runs.append(array if together == run else array[start:stop])
                        backends.append(backend)
                    start = stop
            shapes = {name: shape for name, shape in self.layout.shapes.items() if name in wanted}
            self._selected[wanted] = NamedArrays(Layout(shapes, stretches), runs, backends)
        return self._selected[wanted]

    def with_parts(self, parts: Iterable["NamedArrays"], *, donate: bool) -> "NamedArrays":
        """Return these arrays with selected arrays replaced.

        Parameters
        ----------
        parts
            New arrays, in the layouts of results of :meth:`select`.
        donate
            Whether to write into the memory of these arrays where the library has views.
        """
        if self.in_place:
            copies = zip(self.backends, self.runs, strict=True)
            whole = self if donate else self.with_runs([backend.copy(run) for backend, run in copies])
            for part in parts:
                own = whole.select(part.layout.shapes)
                if part is not own:
                    own.overwritten_with(part)
            return whole
        new = {name: run for part in parts for (name,), run in zip(part.layout.runs, part.runs, strict=True)}
        return self.with_runs([new[name] for (name,) in self.layout.runs])

    def with_runs(self, runs: Sequence[Array]) -> "NamedArrays":
        """Return named arrays with this layout in other ``runs``, or this object if these are its own runs."""
        if all(map(operator.is_, runs, self.runs)):
            return self
        return NamedArrays(self.layout, runs, self.backends)

    def filled_with(self, arrays: Mapping[str, Array]) -> "NamedArrays":
        """Return copies of other ``arrays`` of the same names, in new runs with this layout."""
        runs = []
        for names, run, backend in zip(self.layout.runs, self.runs, self.backends, strict=True):
            joined = concatenate(backend, [arrays[name] for name in names])
            runs.append(backend.copy(backend.xp.reshape(joined, tuple(run.shape))))
        return self.with_runs(runs)

    def overwritten_with(self, other: "NamedArrays") -> "NamedArrays":
        """Return the arrays of ``other``, of the same layout, in the memory of these where it can be written to."""
        return self.with_runs(
            [
                target if new is target else each.write(target, new)
                for each, target, new in zip(self.backends, self.runs, other.runs, strict=True)
            ]
        )

    def separate(self) -> "NamedArrays":
        """Return the arrays with one run for each, as views where the library has views."""
        if len(self.runs) == len(self.layout.shapes):
            return self
        by_name = {name: each for run, each in zip(self.layout.runs, self.backends, strict=True) for name in run}
        return NamedArrays(
            Layout(self.layout.shapes), list(self.views.values()), [by_name[name] for name in self.views]
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the runs alone: the views are made again."""
        return NamedArrays, (self.layout, self.runs, self.backends)


def concatenate(backend: Backend, arrays: Sequence[Array]) -> Array:
    """Return arrays of any shapes, one after the other, as one array of shape ``(n,)``.

    Parameters
    ----------
    backend
        Backend of the arrays.
    arrays
        Arrays of any shapes, at least one.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> from cutedl_xp.parameters import concatenate
    >>> concatenate(cdl.get_backend("numpy"), [np.zeros((1, 2)), np.ones(1)])
    array([0., 0., 1.])
    """
    return backend.xp.concat([backend.xp.reshape(array, (-1,)) for array in arrays])


def split(backend: Backend, buffer: Array, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """Return the pieces of a flat array by name, in the order of the shapes; views where the library has views.

    Parameters
    ----------
    backend
        Backend of the array.
    buffer
        Array of shape ``(n,)``.
    shapes
        Shape of each piece by its name.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> from cutedl_xp.parameters import split
    >>> split(cdl.get_backend("numpy"), np.arange(3.0), {"weight": (1, 2), "bias": (1,)})
    {'weight': array([[0., 1.]]), 'bias': array([2.])}
    """
    pieces, start = {}, 0
    for name, shape in shapes.items():
        stop = start + prod(shape)
        pieces[name] = backend.xp.reshape(buffer[start:stop], shape)
        start = stop
    return pieces
