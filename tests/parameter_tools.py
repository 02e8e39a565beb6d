"""Gradients for parameters, and their values on the host."""

from collections.abc import Iterable

import numpy as np

from cutedl_xp import Parameter


def gradients(parameters: Iterable[Parameter], seed: int) -> dict[str, np.ndarray]:
    """Return normally distributed numbers for each parameter, determined by the seed, names and shapes."""
    random = np.random.default_rng(seed)
    return {parameter.name: random.normal(size=parameter.value.shape) for parameter in parameters}


def set_gradients(parameters: Iterable[Parameter], seed: int) -> None:
    """Assign these numbers to the gradients."""
    parameters = list(parameters)
    numbers = gradients(parameters, seed)
    for parameter in parameters:
        parameter.gradient = numbers[parameter.name]


def values(parameters: Iterable[Parameter]) -> dict[str, np.ndarray]:
    """Return copies of the values by name."""
    return {p.name: np.array(p.backend.to_numpy(p.value)) for p in parameters}
