"""Arrays by name in contiguous runs of memory."""

import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend


class Layout:
    """The names and shapes of arrays, and the contiguous runs that hold them.

    Parameters
    ----------
    shapes
        The shape of each array by its name, in the order of the arrays.
    runs
        For each run the names of its arrays, in their order in memory.
    """

    def __init__(self, shapes: Mapping[str, Shape], runs: Sequence[Sequence[str]]) -> None:
        self.shapes = dict(shapes)
        self.runs = tuple(map(tuple, runs))
        self._selections: dict[frozenset[str], Selection] = {}

    def select(self, names: Collection[str]) -> "Selection":
        """Return the layout of some of the arrays, and where their runs are within the runs of this one."""
        wanted = frozenset(names)
        if wanted not in self._selections:
            self._selections[wanted] = Selection(self, wanted)
        return self._selections[wanted]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and (self.shapes, self.runs) == (other.shapes, other.runs)

    __hash__ = None  # type: ignore[assignment]


class Selection:
    """Some of the arrays of a layout, in runs that are as long as can be."""

    def __init__(self, whole: Layout, wanted: frozenset[str]) -> None:
        self.places: list[tuple[int, slice | None]] = []  # the number of a run, and the part of it; None for all
        runs: list[tuple[str, ...]] = []
        for number, run in enumerate(whole.runs):
            for stretch, start in _stretches(run, wanted, whole.shapes):
                size = sum(prod(whole.shapes[name]) for name in stretch)
                self.places.append((number, None if stretch == run else slice(start, start + size)))
                runs.append(stretch)
        self.layout = Layout({name: shape for name, shape in whole.shapes.items() if name in wanted}, runs)

    def of(self, arrays: "NamedArrays") -> "NamedArrays":
        """Return the selected ones of all arrays, as views where the library has them; the same object each time."""
        if self in arrays.selected:
            return arrays.selected[self]
        runs = [arrays.runs[number] if part is None else arrays.runs[number][part] for number, part in self.places]
        arrays.selected[self] = NamedArrays(self.layout, runs, [arrays.backends[number] for number, _ in self.places])
        return arrays.selected[self]


def _stretches(
    run: tuple[str, ...], wanted: frozenset[str], shapes: Mapping[str, Shape]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the longest stretches of wanted names in a run, each with the number of entries before it."""
    stretch: list[str] = []
    begin = end = 0
    for name in run:
        if name in wanted:
            stretch.append(name)
        elif stretch:
            yield tuple(stretch), begin
            stretch = []
        end += prod(shapes[name])
        begin = begin if stretch else end
    if stretch:
        yield tuple(stretch), begin


class NamedArrays:
    """Arrays by name: values of parameters, their gradients, or what an optimizer keeps beside them.

    Parameters
    ----------
    layout
        The names, the shapes, and the runs that hold them.
    runs
        An array for each run: of shape ``(n,)``, or of the shape of its only array.
    backends
        The backend of each run.
    """

    __slots__ = ("_views", "backends", "in_place", "layout", "runs", "selected")

    def __init__(self, layout: Layout, runs: Sequence[Array], backends: Sequence[Backend]) -> None:
        self.layout = layout
        self.runs = list(runs)
        self.backends = list(backends)
        self.in_place = all(backend.has_views for backend in backends)  # whether the runs can be written to
        self.selected: dict[Selection, NamedArrays] = {}
        self._views: dict[str, Array] | None = None

    def filled_with(self, arrays: Mapping[str, Array]) -> "NamedArrays":
        """Return copies of other arrays by the same names, in runs of their own."""
        runs = []
        for names, run, backend in zip(self.layout.runs, self.runs, self.backends, strict=True):
            joined = flatten(backend, [arrays[name] for name in names])
            runs.append(backend.copy(backend.xp.reshape(joined, tuple(run.shape))))
        return NamedArrays(self.layout, runs, self.backends)

    @property
    def views(self) -> dict[str, Array]:
        """Each array by its name, in the layout's order; parts of the runs where the library has views."""
        if self._views is None:
            found: dict[str, Array] = {}
            for names, run, backend in zip(self.layout.runs, self.runs, self.backends, strict=True):
                shapes = {name: self.layout.shapes[name] for name in names}
                alone = len(names) == 1 and tuple(run.shape) == shapes[names[0]]
                found |= {names[0]: run} if alone else unflatten(backend, run, shapes)
            self._views = {name: found[name] for name in self.layout.shapes}
        return self._views

    def separate(self) -> "NamedArrays":
        """Return the arrays in a run each, as views where the library has them."""
        if len(self.runs) == len(self.layout.shapes):
            return self
        by_name = {name: each for run, each in zip(self.layout.runs, self.backends, strict=True) for name in run}
        layout = Layout(self.layout.shapes, [(name,) for name in self.layout.shapes])
        return NamedArrays(layout, list(self.views.values()), [by_name[name] for name in self.views])

    def with_runs(self, runs: Sequence[Array]) -> "NamedArrays":
        """Return arrays of the same layout in other runs; the same object where the runs are the same."""
        if all(map(operator.is_, runs, self.runs)):
            return self
        return NamedArrays(self.layout, runs, self.backends)

    def with_part(self, selection: Selection, part: "NamedArrays") -> "NamedArrays":
        """Return these arrays with other ones for a selection, unless that is a view that was written in place."""
        if part is self.selected.get(selection):
            return self
        runs = list(self.runs)
        for (number, place), new in zip(selection.places, part.runs, strict=True):
            if place is None:
                runs[number] = new
        return self.with_runs(runs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the runs alone: the views are made again."""
        return NamedArrays, (self.layout, self.runs, self.backends)


def flatten(backend: Backend, arrays: Sequence[Array]) -> Array:
    """Return arrays of any shapes, one after the other, as one of shape ``(n,)``."""
    return backend.xp.concat([backend.xp.reshape(array, (-1,)) for array in arrays])


def unflatten(backend: Backend, buffer: Array, shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """Return the pieces of a flat buffer, one after the other, by name; views where the library has them."""
    pieces, start = {}, 0
    for name, shape in shapes.items():
        stop = start + prod(shape)
        pieces[name] = backend.xp.reshape(buffer[start:stop], shape)
        start = stop
    return pieces
