"""Values and gradients of parameters, in the contiguous runs that an optimizer updates."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from cutedl_xp.parameters.named_arrays import Layout, NamedArrays
from cutedl_xp.parameters.parameter import Parameter
from cutedl_xp.parameters.parameters import Parameters


class ParameterViews(Protocol):
    """The values and the gradients of parameters as named arrays.

    Attributes
    ----------
    source
        All parameters that belong together.
    parameters
        Those of them that are viewed.
    layout
        Their names, shapes and contiguous runs.
    """

    @property
    def source(self) -> Sequence[Parameter]: ...
    @property
    def parameters(self) -> tuple[Parameter, ...]: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def values(self) -> NamedArrays:
        """The values; in the parameters' own memory where the library has views."""

    @property
    def gradients(self) -> NamedArrays:
        """The gradients, likewise."""

    def select(self, names: Collection[str]) -> "ParameterViews":
        """Return the views of some of these parameters."""

    def assign(self, values: NamedArrays) -> None:
        """Give the parameters other values."""


def view_parameters(parameters: Sequence[Parameter], names: Collection[str] | None = None) -> ParameterViews:
    """Return views of parameters: in contiguous runs for those of a model where the library has views.

    Parameters
    ----------
    parameters
        All parameters that belong together: those of a model, or any sequence of them.
    names
        The names of some of these; all by default.
    """
    if isinstance(parameters, Parameters) and parameters.backend.has_views:
        return _FlatViews(parameters, names)
    return _SeparateViews(parameters, names)


class _FlatViews:
    """Views of a model's parameters in its flat buffers, which never move."""

    def __init__(self, source: Parameters, names: Collection[str] | None) -> None:
        self.source, self._names = source, names
        self.parameters = tuple(each for each in source if names is None or each.name in names)
        flat, layout = source.flat, source.layout
        self.values, self.gradients = (
            NamedArrays(layout, [buffer], [source.backend]) for buffer in (flat.value, flat.gradient)
        )
        if names is not None:
            selection = layout.select(names)
            self.values, self.gradients = selection.of(self.values), selection.of(self.gradients)
        self.layout = self.values.layout

    def select(self, names: Collection[str]) -> ParameterViews:
        return _FlatViews(self.source, names)

    def assign(self, values: NamedArrays) -> None:
        for target, source in zip(self.values.runs, values.runs, strict=True):
            if source is not target:
                self.source.backend.write(target, source)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the parameters alone: the views are made again, of the copies' memory."""
        return _FlatViews, (self.source, self._names)


class _SeparateViews:
    """Views of parameters that are a run each."""

    def __init__(self, source: Sequence[Parameter], names: Collection[str] | None) -> None:
        self.source = source if isinstance(source, Parameters) else tuple(source)
        self.parameters = tuple(each for each in source if names is None or each.name in names)
        shapes = {each.name: tuple(each.value.shape) for each in self.parameters}
        self.layout = Layout(shapes, [(name,) for name in shapes])
        self._backends = [each.backend for each in self.parameters]

    @property
    def values(self) -> NamedArrays:
        return NamedArrays(self.layout, [each.value for each in self.parameters], self._backends)

    @property
    def gradients(self) -> NamedArrays:
        return NamedArrays(self.layout, [each.gradient for each in self.parameters], self._backends)

    def select(self, names: Collection[str]) -> ParameterViews:
        return _SeparateViews(self.source, names)

    def assign(self, values: NamedArrays) -> None:
        for parameter, value in zip(self.parameters, values.runs, strict=True):
            parameter.value = value
