"""Initial values of parameters, drawn on the host, so that a seed gives the same values on every backend.

An initializer is a callable ``initializer(stream, shape)`` that returns an array of that shape. The stream has the
methods ``uniform(shape, low, high)`` and ``normal(shape, deviation)``. ``Dense``, ``ParameterSpec`` and, through the
latter, layers of your own also take the names in ``cutedl_xp.initializers.INITIALIZERS``.
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
    """Return zeros."""
    return stream.uniform(shape, 0.0, 0.0)


def ones(stream: Stream, shape: Shape) -> Any:
    """Return ones."""
    return stream.uniform(shape, 1.0, 1.0)


def uniform(stream: Stream, shape: Shape) -> Any:
    """Return numbers uniform in [-0.1, 0.1) for every shape, as the article does."""
    return stream.uniform(shape, -0.1, 0.1)


def normal(stream: Stream, shape: Shape) -> Any:
    """Return normal numbers of mean 0 and standard deviation 0.05 for every shape."""
    return stream.normal(shape, 0.05)


def glorot_uniform(stream: Stream, shape: Shape) -> Any:
    """Return numbers uniform in [-a, a) with a = √(6 / (inputs + outputs)), for tanh and sigmoid.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    inputs, outputs = _fans(shape)
    limit = sqrt(6.0 / max(inputs + outputs, 1))
    return stream.uniform(shape, -limit, limit)


def glorot_normal(stream: Stream, shape: Shape) -> Any:
    """Return normal numbers of standard deviation √(2 / (inputs + outputs)), not truncated.

    References
    ----------
    Glorot and Bengio, see :func:`glorot_uniform`.
    """
    return stream.normal(shape, sqrt(2.0 / max(sum(_fans(shape)), 1)))


def he_uniform(stream: Stream, shape: Shape) -> Any:
    """Return numbers uniform in [-a, a) with a = √(6 / inputs), for relu.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015.
    """
    inputs, _ = _fans(shape)
    limit = sqrt(6.0 / max(inputs, 1))
    return stream.uniform(shape, -limit, limit)


def he_normal(stream: Stream, shape: Shape) -> Any:
    """Return normal numbers of standard deviation √(2 / inputs), not truncated, for relu.

    References
    ----------
    He, Zhang, Ren and Sun, see :func:`he_uniform`.
    """
    inputs, _ = _fans(shape)
    return stream.normal(shape, sqrt(2.0 / max(inputs, 1)))


def _fans(shape: Shape) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a weight: the product of its leading axes, and its last axis."""
    return prod(shape[:-1]), shape[-1] if shape else 1


INITIALIZERS: Mapping[str, Initializer] = MappingProxyType(
    {f.__name__: f for f in (zeros, ones, uniform, normal, glorot_uniform, he_normal, glorot_normal, he_uniform)}
)


def get(argument: str, initializer: str | Initializer) -> Initializer:
    """Return the initializer with a name, or the given callable itself.

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
