"""Starting values of parameters, drawn on the host so that a seed gives the same ones on every backend.

An initializer is any callable ``initializer(stream, shape)`` that returns an array of that shape; the stream has the
methods ``uniform(shape, low, high)`` and ``normal(shape, deviation)``.
"""

from collections.abc import Callable, Mapping
from math import prod, sqrt
from types import MappingProxyType
from typing import Any, TypeAlias

from cutedl_xp._checks import check_one_of
from cutedl_xp._random import Stream
from cutedl_xp._typing import Shape

Initializer: TypeAlias = Callable[[Stream, Shape], Any]


def zeros(stream: Stream, shape: Shape) -> Any:
    """All 0."""
    return stream.uniform(shape, 0.0, 0.0)


def ones(stream: Stream, shape: Shape) -> Any:
    """All 1."""
    return stream.uniform(shape, 1.0, 1.0)


def uniform(stream: Stream, shape: Shape) -> Any:
    """Spread evenly over [-0.1, 0.1), whatever the shape: the article's choice."""
    return stream.uniform(shape, -0.1, 0.1)


def normal(stream: Stream, shape: Shape) -> Any:
    """Normally distributed around 0 with standard deviation 0.05, whatever the shape."""
    return stream.normal(shape, 0.05)


def glorot_uniform(stream: Stream, shape: Shape) -> Any:
    """Spread evenly over [-a, a) with a = √(6 / (inputs + outputs)) (Glorot and Bengio 2010), for tanh and sigmoid."""
    inputs, outputs = _fans(shape)
    limit = sqrt(6.0 / max(inputs + outputs, 1))
    return stream.uniform(shape, -limit, limit)


def glorot_normal(stream: Stream, shape: Shape) -> Any:
    """Normal with standard deviation √(2 / (inputs + outputs)) (Glorot and Bengio 2010), not truncated."""
    return stream.normal(shape, sqrt(2.0 / max(sum(_fans(shape)), 1)))


def he_uniform(stream: Stream, shape: Shape) -> Any:
    """Spread evenly over [-a, a) with a = √(6 / inputs) (He, Zhang, Ren and Sun 2015), for relu."""
    inputs, _ = _fans(shape)
    limit = sqrt(6.0 / max(inputs, 1))
    return stream.uniform(shape, -limit, limit)


def he_normal(stream: Stream, shape: Shape) -> Any:
    """Normal with standard deviation √(2 / inputs) (He, Zhang, Ren and Sun 2015), not truncated; for relu."""
    inputs, _ = _fans(shape)
    return stream.normal(shape, sqrt(2.0 / max(inputs, 1)))


def _fans(shape: Shape) -> tuple[int, int]:
    """How many inputs and outputs a weight of this shape connects: the product of its leading axes, and its last."""
    return prod(shape[:-1]), shape[-1] if shape else 1


INITIALIZERS: Mapping[str, Initializer] = MappingProxyType(
    {f.__name__: f for f in (zeros, ones, uniform, normal, glorot_uniform, he_normal, glorot_normal, he_uniform)}
)


def get(argument: str, initializer: str | Initializer) -> Initializer:
    """Return the initializer of a name; a callable is returned as it is.

    Parameters
    ----------
    argument
        Name of the argument in an error.
    initializer
        ``"zeros"``, ``"ones"``, ``"uniform"``, ``"normal"``, ``"glorot_uniform"``, ``"glorot_normal"``,
        ``"he_uniform"``, ``"he_normal"`` or a callable.
    """
    if callable(initializer):
        return initializer
    return INITIALIZERS[check_one_of(argument, initializer, tuple(INITIALIZERS))]
