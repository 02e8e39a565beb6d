"""Values of parameters, assigned by name after all of them are checked."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp._checks import format_names, format_value
from cutedl_xp.parameters import Parameters


def assign_weights(parameters: Parameters, w: Mapping[str, Any]) -> None:
    """Copy values into all parameters; refuse them, and change nothing, unless each fits its parameter."""
    names = [parameter.name for parameter in parameters]
    if not isinstance(w, Mapping):
        raise TypeError(f"`w` must be a dict such as model.weights(); got {format_value(w)}")
    if set(w) != set(names):
        raise ValueError(f"`w` must have the names {format_names(names)}; got {format_names(map(str, w))}")
    values = {}
    for parameter in parameters:
        name, shape = parameter.name, tuple(parameter.value.shape)
        try:
            values[name] = parameters.backend.asarray(w[name], parameter.value.dtype)
        except (TypeError, ValueError) as error:
            raise type(error)(f"`w`[{name!r}] cannot be taken: {error}") from error
        if tuple(values[name].shape) != shape:
            raise ValueError(f"`w`[{name!r}] must have the shape {shape}; got {format_value(w[name])}")
    for parameter in parameters:
        parameter.value = values[parameter.name]
