"""Assignment of values to parameters and buffers by name, after all of them are checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from cutedl_xp._checks import format_names, format_value
from cutedl_xp.parameters import Buffer, Parameter


def assign_weights(targets: Sequence[Parameter | Buffer], w: Mapping[str, Any]) -> None:
    """Copy values into all targets; raise, and change nothing, unless each value fits its target."""
    names = [target.name for target in targets]
    if not isinstance(w, Mapping):
        raise TypeError(f"`w` must be a dict such as model.weights(); got {format_value(w)}")
    if set(w) != set(names):
        raise ValueError(f"`w` must have the names {format_names(names)}; got {format_names(map(str, w))}")
    values = {}
    for target in targets:
        name, shape = target.name, tuple(target.value.shape)
        try:
            values[name] = target.backend.asarray(w[name], target.value.dtype)
        except (TypeError, ValueError) as error:
            raise type(error)(f"`w`[{name!r}] cannot be taken: {error}") from error
        if tuple(values[name].shape) != shape:
            raise ValueError(f"`w`[{name!r}] must have the shape {shape}; got {format_value(w[name])}")
    for target in targets:
        target.value = values[target.name]
