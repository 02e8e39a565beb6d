"""Arrays that an optimizer keeps beside the parameters that its steps update."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

from cutedl_xp._typing import Array, Shape
from cutedl_xp.optimizers._validation import check_parameters, named
from cutedl_xp.parameter import Parameter
from cutedl_xp.parameters import FlatParameters, flatten, unflatten


class Kept:
    """For each parameter some arrays like it; where all are updated as one, for that one.

    Parameters
    ----------
    owner
        The optimizer's name, for errors.
    parameters
        Those it is given first, and belongs to.
    starts
        What makes each of the arrays from a parameter's value.

    Raises
    ------
    TypeError, ValueError
        If they are no parameters with different names.
    """

    def __init__(self, owner: str, parameters: Sequence[Parameter], starts: Sequence[Callable[[Array], Array]]) -> None:
        check_parameters(parameters)
        self.parameters = parameters if isinstance(parameters, FlatParameters) else tuple(parameters)
        self._owner = owner
        self._layout = layout_of(parameters)
        self._pairs = [(target, [start(target.value) for start in starts]) for target in targets_of(parameters)]

    def check_same(self, parameters: Sequence[Parameter]) -> None:
        """Refuse other parameters than the first."""
        if parameters is self.parameters:
            return
        check_parameters(parameters)
        if len(parameters) != len(self.parameters) or any(
            a is not b for a, b in zip(parameters, self.parameters, strict=True)
        ):
            raise ValueError(
                f"this {self._owner} keeps the state of other parameters ({named(self.parameters)}; "
                f"given {named(parameters)}); make a new optimizer for each model or group"
            )

    def pairs(self) -> list[tuple[Parameter, list[Array]]]:
        """What an update goes through, each with its arrays, which may be replaced."""
        if self._layout is not layout_of(self.parameters):
            self._follow()
        return self._pairs

    def by_name(self, place: int) -> dict[str, Array]:
        """One of the arrays of each parameter."""
        arrays = {target.name: kept[place] for target, kept in self.pairs()}
        if self._layout is None:
            return arrays
        (whole,) = arrays.values()
        pieces = unflatten(self.parameters[0].backend, whole, self._layout)
        return {parameter.name: pieces[parameter.name] for parameter in self.parameters}

    def _follow(self) -> None:
        """Bring the arrays into the order that the parameters have now."""
        before, self._layout = self._layout, layout_of(self.parameters)
        assert before is not None
        assert self._layout is not None
        ((whole, kept),) = self._pairs
        for place, array in enumerate(kept):
            pieces = unflatten(whole.backend, array, before)
            kept[place] = flatten(whole.backend, [pieces[name] for name in self._layout])


def targets_of(parameters: Sequence[Parameter]) -> Sequence[Parameter]:
    """What an update goes through: all as one where that can be, else one after the other."""
    return (parameters.flat,) if _is_one_buffer(parameters) else tuple(parameters)


def layout_of(parameters: Sequence[Parameter]) -> Mapping[str, Shape] | None:
    """In which order they lie where an update goes through all as one, else None."""
    return parameters.layout if _is_one_buffer(parameters) else None


def _is_one_buffer(parameters: Sequence[Parameter]) -> TypeGuard[FlatParameters]:
    """Whether all are to be updated as one; without views, joining and dividing them costs more than it saves."""
    return isinstance(parameters, FlatParameters) and parameters.backend.has_views
