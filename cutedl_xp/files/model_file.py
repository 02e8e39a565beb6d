"""Header of a model file: the dtype, and the class and configuration of each layer as plain values.

This module imports no layers: the caller passes the classes that a file may name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Protocol, TypeVar

from cutedl_xp._checks import check_one_of, format_value
from cutedl_xp._typing import Shape
from cutedl_xp._version import __version__


class Configurable(Protocol):
    """Object that its class and its configuration describe completely."""

    def config(self) -> dict[str, Any]:
        """Return the keyword arguments that make an equal object."""
        ...


LayerT = TypeVar("LayerT")

DTYPES = ("float32", "float64")
FORMAT = 2
"""Format of new files. Format 1 has no SHA-256."""

MAX_LAYERS = 10_000
"""Largest number of layers of a model; more would make loading a hostile file slow."""


def make_header(layers: Sequence[Configurable], dtype: str, scale: float | None = None) -> dict[str, Any]:
    """Return the header of a model as plain values.

    Parameters
    ----------
    layers
        Layers of the model.
    dtype
        Name of the dtype.
    scale
        Factor of raw samples; default None.
    """
    _check_count(layers)
    described = [{"class": type(layer).__name__, "config": _plain_config(layer)} for layer in layers]
    header = {"format": FORMAT, "kind": "model", "dtype": dtype, "layers": described}
    return header if scale is None else header | {"scale": scale}


def read_header(header: Mapping[str, Any], classes: Sequence[type[LayerT]]) -> tuple[list[LayerT], str]:
    """Return new layers as described by a header, and the dtype.

    Parameters
    ----------
    header
        Header of a file.
    classes
        Classes that the header may name. A later class replaces an earlier class of the same name.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the header does not describe a model, or names an unknown class.
    """
    number, kind = header.get("format"), header.get("kind")
    if kind == "session":
        raise ValueError("it holds a session; load it with Session.load")
    if type(number) is not int or number < 1 or kind != "model":
        raise ValueError(f"it has format {number!r}, kind {kind!r}, not format 1 or {FORMAT}, kind 'model'")
    if number > FORMAT:
        raise ValueError(f"it has format {number}; cutedl_xp {__version__} reads format {FORMAT} at most; update it")
    known = {layer.__name__: layer for layer in classes}
    layers = [_make_layer(known, described) for described in _check_count(header["layers"])]
    return layers, check_one_of("dtype", header["dtype"], DTYPES)


def check_arrays(arrays: Mapping[str, Any], shapes: Mapping[str, Shape], dtype: str) -> None:
    """Raise unless the names, shapes and dtypes of ``arrays`` are the ones of the parameters.

    Call this before the model is assembled, as its memory has the sizes in the header, which may be hostile.

    Parameters
    ----------
    arrays
        Arrays of the file by name.
    shapes, dtype
        Required shapes by name, and required dtype.
    """
    wanted = {name: (shape, dtype) for name, shape in shapes.items()}
    given = {name: (tuple(array.shape), array.dtype.name) for name, array in arrays.items()}
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            found, due = given.get(name, "missing"), wanted.get(name, "left out")
            raise ValueError(f"the array {name!r} should be {due} and is {found}")


def check_custom_layers(custom_layers: Sequence[Any], base: type) -> None:
    """Raise unless ``custom_layers`` are classes derived from ``base``."""
    for layer in custom_layers:
        if not isinstance(layer, type) or not issubclass(layer, base):
            raise TypeError(f"`custom_layers` must be classes derived from {base.__name__}; got {layer!r}")


def _plain_config(layer: Configurable) -> dict[str, Any]:
    config = layer.config()
    for name, value in config.items():
        if is_dataclass(value):
            raise TypeError(
                f"a model file holds plain values, and `{name}` of {type(layer).__name__} is {format_value(value)}; "
                "give the layer a built-in name, or keep the weights with Model.weights()"
            )
    return config


def _check_count(layers: Sequence[Any]) -> Sequence[Any]:
    if len(layers) > MAX_LAYERS:
        raise ValueError(f"a file holds a model of at most {MAX_LAYERS:,} layers; got {len(layers):,}; split the model")
    return layers


def _make_layer(known: Mapping[str, type[LayerT]], described: Mapping[str, Any]) -> LayerT:
    if described["class"] not in known:
        raise ValueError(f"layer {described['class']!r} is not one of {', '.join(known)}; give it in `custom_layers`")
    return known[described["class"]](**described["config"])
