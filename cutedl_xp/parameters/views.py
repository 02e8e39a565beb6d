"""Values and gradients of parameters, in the contiguous runs that an optimizer updates."""

from collections.abc import Sequence
from typing import Any

from cutedl_xp.parameters.named_arrays import Layout, NamedArrays
from cutedl_xp.parameters.parameter import Parameter
from cutedl_xp.parameters.parameters import Parameters


class ParameterViews:
    """Values and gradients of parameters as named arrays.

    Parameters
    ----------
    source
        Parameters of a model, in contiguous runs where the library has views, or any sequence of parameters, with a run
        for each.
    layout
        Layout of some of the parameters; all parameters by default.

    Attributes
    ----------
    parameters
        Parameters of the layout.
    values, gradients
        Arrays of the parameters: parts of a model's flat buffers where the library has views, otherwise the arrays at
        the last :meth:`refresh`.
    fixed
        Whether the arrays always stay the same.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.parameters import Parameter, ParameterViews
    >>> ParameterViews([Parameter("weight", np.ones(2)), Parameter("bias", np.zeros(1))]).values.views
    {'weight': array([1., 1.]), 'bias': array([0.])}
    """

    def __init__(self, source: Sequence[Parameter], layout: Layout | None = None) -> None:
        self.source = source if isinstance(source, Parameters) else tuple(source)
        self.parameters = tuple(each for each in source if layout is None or each.name in layout.shapes)
        self._layout = Layout({each.name: tuple(each.value.shape) for each in self.parameters})
        self._flat = source.flat if isinstance(source, Parameters) and source.backend.has_views else None
        self.fixed = self._flat is not None
        if isinstance(source, Parameters) and self._flat is not None:
            self.values, self.gradients = (
                NamedArrays(source.layout, [buffer], [source.backend]).select(self._layout.shapes)
                for buffer in (self._flat.value, self._flat.gradient)
            )
        self.refresh()

    def select(self, layout: Layout) -> "ParameterViews":
        """Return the views of the parameters that ``layout`` names."""
        return self if layout is self.values.layout else ParameterViews(self.source, layout)

    def refresh(self) -> None:
        """Read the arrays of the parameters again, if they may have been replaced."""
        if self._flat is None:
            backends = [each.backend for each in self.parameters]
            self.values = NamedArrays(self._layout, [each.value for each in self.parameters], backends)
            self.gradients = NamedArrays(self._layout, [each.gradient for each in self.parameters], backends)

    def assign(self, values: NamedArrays) -> None:
        """Assign ``values``, of the layout of these views, to the parameters."""
        if self._flat is None:
            for parameter, value in zip(self.parameters, values.runs, strict=True):
                parameter.value = value
            return
        for target, new in zip(self.values.runs, values.runs, strict=True):
            if new is not target:
                self._flat.backend.write(target, new)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the parameters alone: the views are made again, of the copies' memory."""
        return ParameterViews, (self.source, self._layout)
