"""Contenders. Each module has
``step(widths, batch_size)`` and, if applicable, ``update(rule, n)`` and ``fit(samples, hidden, batch_size, epochs)``.

Only the contender's own process imports its module.
"""

import importlib.util
from dataclasses import dataclass, field

_JAX = {"JAX_PLATFORMS": "cpu"}


@dataclass(frozen=True)
class Contender:
    """A contender.

    Attributes
    ----------
    name
        Name on the command line, in tables and figures.
    about
        Description.
    module
        Module in this package.
    requires
        Modules that must be importable.
    environment
        Environment variables of its process.
    updates
        Whether its update is measured separately.
    estimator
        Whether its estimator with scikit-learn's interface is measured.
    program
        File in ``programs/`` for the measurement of the whole process, if any.
    """

    name: str
    about: str
    module: str
    requires: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    updates: bool = False
    estimator: bool = False
    program: str = ""


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("floor", "gathering and matrix products alone; a copy", "floor", ("cutedl_xp",), updates=True),
        Contender("cutedl_xp", "with numba", "ours", ("cutedl_xp", "numba"), {}, True, True, "ours"),
        Contender("cutedl_xp-plain", "without", "ours_plain", ("cutedl_xp",), {}, True, True, "ours_plain"),
        Contender("cutedl_xp-jax", "on JAX", "ours_jax", ("cutedl_xp", "jax"), _JAX),
        Contender("jax-scan", "an epoch compiled as one loop", "jax_scan", ("jax", "optax"), _JAX, program="jax_scan"),
        Contender("jax-step", "each step a call of a compiled one", "jax_step", ("jax", "optax"), _JAX),
        Contender("torch", "eager, fused", "torch_eager", ("torch",), updates=True, program="torch_eager"),
        Contender("torch-compiled", "torch.compile, and the fused Adam", "torch_compiled", ("torch",)),
        Contender("keras", "fit on JAX", "keras_jax", ("keras", "jax"), {**_JAX, "KERAS_BACKEND": "jax"}),
        Contender("thinc", "on NumPy", "thinc_adam", ("thinc",)),
        Contender("sklearn", "MLPClassifier", "sklearn_mlp", ("sklearn",), estimator=True),
    )
}


def missing_library(name: str) -> str:
    """Return the first required library that is not installed, or an empty string."""
    return next((library for library in CONTENDERS[name].requires if importlib.util.find_spec(library) is None), "")
