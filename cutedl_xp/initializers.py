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
    """Return zeros.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(4, 3, bias_initializer="zeros")]).assemble("numpy", seed=0)
    >>> model.parameters[1].value.tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    return stream.uniform(shape, 0.0, 0.0)


def ones(stream: Stream, shape: Shape) -> Any:
    """Return ones.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(4, 3, bias_initializer="ones")]).assemble("numpy", seed=0)
    >>> model.parameters[1].value.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return stream.uniform(shape, 1.0, 1.0)


def uniform(stream: Stream, shape: Shape) -> Any:
    """Return numbers uniform in [-0.1, 0.1) for every shape, as the article does.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(4, 3, weight_initializer="uniform")]).assemble("numpy", seed=0)
    >>> w = model.parameters[0].value
    >>> bool(w.min() >= -0.1), bool(w.max() < 0.1)
    (True, True)
    """
    return stream.uniform(shape, -0.1, 0.1)


def normal(stream: Stream, shape: Shape) -> Any:
    """Return normal numbers of mean 0 and standard deviation 0.05 for every shape.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(100, 200, weight_initializer="normal")]).assemble("numpy", seed=0)
    >>> w = model.parameters[0].value
    >>> round(float(w.std()), 2)
    0.05
    """
    return stream.normal(shape, 0.05)


def glorot_uniform(stream: Stream, shape: Shape) -> Any:
    """Return numbers uniform in [-a, a) with a = √(6 / (inputs + outputs)), for tanh and sigmoid.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(100, 200, weight_initializer="glorot_uniform")]).assemble("numpy", seed=0)
    >>> w = model.parameters[0].value
    >>> round(float(abs(w).max()), 2)  # √(6 / 300) = 0.1414
    0.14
    """
    inputs, outputs = _fans(shape)
    limit = sqrt(6.0 / max(inputs + outputs, 1))
    return stream.uniform(shape, -limit, limit)


def glorot_normal(stream: Stream, shape: Shape) -> Any:
    """Return normal numbers of standard deviation √(2 / (inputs + outputs)), not truncated.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    References
    ----------
    Glorot and Bengio, see :func:`glorot_uniform`.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(100, 200, weight_initializer="glorot_normal")]).assemble("numpy", seed=0)
    >>> w = model.parameters[0].value
    >>> round(float(w.std()), 2)  # √(2 / 300) = 0.0816
    0.08
    """
    return stream.normal(shape, sqrt(2.0 / max(sum(_fans(shape)), 1)))


def he_uniform(stream: Stream, shape: Shape) -> Any:
    """Return numbers uniform in [-a, a) with a = √(6 / inputs), for relu.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(100, 200, weight_initializer="he_uniform")]).assemble("numpy", seed=0)
    >>> w = model.parameters[0].value
    >>> round(float(abs(w).max()), 2)  # √(6 / 200) = 0.1732
    0.17
    """
    inputs, _ = _fans(shape)
    limit = sqrt(6.0 / max(inputs, 1))
    return stream.uniform(shape, -limit, limit)


def he_normal(stream: Stream, shape: Shape) -> Any:
    """Return normal numbers of standard deviation √(2 / inputs), not truncated, for relu.

    Parameters
    ----------
    stream
        Random stream of the parameter, an object with the methods ``uniform`` and ``normal``.
    shape
        Shape of the parameter.

    References
    ----------
    He, Zhang, Ren and Sun, see :func:`he_uniform`.

    Examples
    --------
    An initializer that draws smaller numbers than this one:

    >>> import cutedl_xp as cdl
    >>> def half_he(stream, shape):
    ...     return 0.5 * cdl.initializers.he_normal(stream, shape)
    >>> model = cdl.Model([cdl.layers.Dense(100, 200, weight_initializer=half_he)]).assemble("numpy", seed=0)
    >>> round(float(model.parameters[0].value.std()), 2)  # √(2 / 200) / 2 = 0.05
    0.05
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

    Raises
    ------
    TypeError, ValueError
        If ``initializer`` is none of these.

    Examples
    --------
    >>> from cutedl_xp import initializers
    >>> initializers.get("weight_initializer", "he_normal") is initializers.he_normal
    True
    """
    if callable(initializer):
        return initializer
    return INITIALIZERS[check_one_of(argument, initializer, tuple(INITIALIZERS))]
