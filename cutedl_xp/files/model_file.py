"""What the file of a model says beside its arrays: the layers by name, and the dtype of the parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import cutedl_xp.layers as _layers
from cutedl_xp._checks import check_one_of
from cutedl_xp.layers import Layer, ParameterSpec

DTYPES = ("float32", "float64")
_FORMAT = 1


def header_of(layers: Sequence[Layer], dtype: str) -> dict[str, Any]:
    """The header that describes a model, as plain values."""
    described = [{"class": type(layer).__name__, "config": layer.config()} for layer in layers]
    return {"format": _FORMAT, "kind": "model", "dtype": dtype, "layers": described}


def read_header(header: Mapping[str, Any], custom_layers: Sequence[type[Layer]]) -> tuple[list[Layer], str]:
    """The layers that a header describes, made of known classes alone, and the dtype.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it describes no model, or one with a layer that is not known.
    """
    if header.get("format") != _FORMAT or header.get("kind") != "model":
        raise ValueError(f"it has format {header.get('format')!r}, kind {header.get('kind')!r}, not format 1, a model")
    own: list[type[Layer]] = [_layers.Dense, _layers.Dropout, _layers.Flatten]
    known = {layer.__name__: layer for layer in [*own, *custom_layers]}
    return [_layer(known, described) for described in header["layers"]], check_one_of("dtype", header["dtype"], DTYPES)


def check_arrays(arrays: Mapping[str, Any], specs: Mapping[str, ParameterSpec], dtype: str) -> None:
    """Refuse arrays that are not the parameters of these specifications.

    Meant for before a model is assembled: nothing of a size that a header names is allocated until then.
    """
    wanted = {name: (spec.shape, dtype) for name, spec in specs.items()}
    given = {name: (tuple(array.shape), array.dtype.name) for name, array in arrays.items()}
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            found, due = given.get(name, "missing"), wanted.get(name, "left out")
            raise ValueError(f"the array {name!r} should be {due} and is {found}")


def check_custom_layers(custom_layers: Sequence[Any]) -> None:
    """Refuse what is no class of layers."""
    for layer in custom_layers:
        if not isinstance(layer, type) or not issubclass(layer, Layer):
            raise TypeError(f"`custom_layers` must be classes derived from Layer; got {layer!r}")


def _layer(known: Mapping[str, type[Layer]], described: Mapping[str, Any]) -> Layer:
    if described["class"] not in known:
        raise ValueError(f"layer {described['class']!r} is not one of {', '.join(known)}; give it in `custom_layers`")
    return known[described["class"]](**described["config"])
