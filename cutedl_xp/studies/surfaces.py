"""Functions of two variables with known gradients and minima, for comparisons of optimizers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks

Floats: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Function of two variables, with the properties for a picture of paths.

    Attributes
    ----------
    name
        Name on the command line.
    formula
        Formula as text.
    source
        Publication of the function.
    value
        Function of x and y, elementwise for arrays.
    gradient
        Both partial derivatives of ``value``, as a pair.
    minima
        All minima, the lowest first.
    start
        Default start of the paths.
    window
        Part of the plane in a picture: lowest x, highest x, lowest y, highest y.
    steps
        Default number of updates.
    optimizers
        Texts of the default optimizers, with rates for this function.
    """

    name: str
    formula: str
    source: str
    value: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], tuple[Any, Any]]
    minima: tuple[Point, ...]
    start: Point
    window: tuple[float, float, float, float]
    steps: int
    optimizers: tuple[str, ...]

    @property
    def lowest(self) -> float:
        """Lowest value of the function."""
        return float(self.value(*self.minima[0]))

    def shows(self, points: Floats) -> NDArray[np.bool_]:
        """Return a mask of the points, the rows of an array, that the window contains."""
        left, right, bottom, top = self.window
        x, y = points.T
        shown: NDArray[np.bool_] = (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
        return shown


def choose(names: Sequence[str]) -> list[Surface]:
    """Return the surfaces of these names, or all surfaces for ``all`` or without names.

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> from cutedl_xp.studies import surfaces
    >>> [surface.name for surface in surfaces.choose(["beale", "saddle"])]
    ['beale', 'saddle']
    """
    chosen: dict[str, Surface] = {}
    for name in names or ["all"]:
        if name == "all":
            chosen |= SURFACES
        elif name in SURFACES:
            chosen[name] = SURFACES[name]
        else:
            choices = _checks.format_names(["all", *SURFACES])
            raise ValueError(f"a surface must be one of {choices}; got {name!r}")
    return list(chosen.values())


_SADDLE = Surface(
    name="saddle",
    formula="x²/2 - y²/2 + y⁴/4",
    source="Nesterov, Introductory Lectures on Convex Optimization, 2004, example 1.2.2",
    value=lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
    gradient=lambda x, y: (x, y**3 - y),
    minima=((0.0, 1.0), (0.0, -1.0)),
    start=(1.0, 0.001),
    window=(-1.2, 1.2, -1.4, 1.4),
    steps=200,
    optimizers=(
        "fixed(lr=0.05)",
        "momentum(lr=0.01)",
        "adagrad(lr=0.1)",
        "rmsprop(lr=0.01)",
        "adadelta(eps=0.001)",
        "adam(lr=0.01)",
    ),
)

_BEALE_CONSTANTS = ((1, 1.5), (2, 2.25), (3, 2.625))
_BEALE = Surface(
    name="beale",
    formula="(1.5 - x + x y)² + (2.25 - x + x y²)² + (2.625 - x + x y³)²",
    source="Beale, On an iterative method for finding a local minimum of a function of more than one variable, 1958",
    value=lambda x, y: sum((c - x * (1.0 - y**k)) ** 2 for k, c in _BEALE_CONSTANTS),
    gradient=lambda x, y: (
        sum(-2.0 * (1.0 - y**k) * (c - x * (1.0 - y**k)) for k, c in _BEALE_CONSTANTS),
        sum(2.0 * k * x * y ** (k - 1) * (c - x * (1.0 - y**k)) for k, c in _BEALE_CONSTANTS),
    ),
    minima=((3.0, 0.5),),
    start=(1.0, 1.0),
    window=(-0.5, 4.0, -1.5, 1.5),
    steps=500,
    optimizers=(
        "fixed(lr=0.02)",
        "momentum(lr=0.005)",
        "adagrad(lr=0.5)",
        "rmsprop(lr=0.01)",
        "adadelta(eps=0.001)",
        "adam(lr=0.05)",
    ),
)
_ROSENBROCK = Surface(
    name="rosenbrock",
    formula="100 (y - x²)² + (1 - x)²",
    source="Rosenbrock, An automatic method for finding the greatest or least value of a function, 1960",
    value=lambda x, y: 100.0 * (y - x**2) ** 2 + (1.0 - x) ** 2,
    gradient=lambda x, y: (-400.0 * x * (y - x**2) - 2.0 * (1.0 - x), 200.0 * (y - x**2)),
    minima=((1.0, 1.0),),
    start=(-1.2, 1.0),
    window=(-2.0, 1.7, -0.7, 2.2),
    steps=4000,
    optimizers=(
        "fixed(lr=0.002)",
        "momentum(lr=0.0005)",
        "adagrad(lr=0.5)",
        "rmsprop(lr=0.002)",
        "adadelta(rho=0.9, eps=1e-05)",
        "adam(lr=0.005)",
    ),
)

_RAVINE = Surface(
    name="ravine",
    formula="(x² + 100 y²)/2",
    source="quadratic function whose curvatures differ 100-fold",
    value=lambda x, y: (x**2 + 100.0 * y**2) / 2,
    gradient=lambda x, y: (x, 100.0 * y),
    minima=((0.0, 0.0),),
    start=(-2.0, 0.6),
    window=(-2.3, 0.7, -0.8, 0.8),
    steps=150,
    optimizers=(
        "fixed(lr=0.018)",
        "momentum(lr=0.005)",
        "adagrad(lr=0.3)",
        "rmsprop(lr=0.02)",
        "adadelta(eps=0.005)",
        "adam(lr=0.1)",
    ),
)

_CAMEL_X = math.sqrt(2.1 + math.sqrt(0.91))  # where x⁴ - 4.2 x² + 3.5 = 0
_CAMEL = Surface(
    name="camel",
    formula="2 x² - 1.05 x⁴ + x⁶/6 + x y + y²",
    source="three-hump camel function, Jamil and Yang, A literature survey of benchmark functions, 2013",
    value=lambda x, y: 2.0 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2,
    gradient=lambda x, y: (4.0 * x - 4.2 * x**3 + x**5 + y, x + 2.0 * y),
    minima=((0.0, 0.0), (_CAMEL_X, -_CAMEL_X / 2), (-_CAMEL_X, _CAMEL_X / 2)),
    start=(2.0, 1.5),
    window=(-2.3, 2.4, -1.8, 2.0),
    steps=150,
    optimizers=(
        "fixed(lr=0.02)",
        "momentum(lr=0.005)",
        "adagrad(lr=0.3)",
        "rmsprop(lr=0.02)",
        "adadelta(eps=0.005)",
        "adam(lr=0.1)",
    ),
)

SURFACES: Mapping[str, Surface] = MappingProxyType(
    {surface.name: surface for surface in (_SADDLE, _BEALE, _ROSENBROCK, _RAVINE, _CAMEL)}
)
"""Surfaces by name."""
