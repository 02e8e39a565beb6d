"""Who takes part. Each file here has ``step(widths, batch_size)`` and, where it makes sense, ``update(rule, n)`` and
``fit(samples, hidden, batch_size, epochs)``.

A contender's module is imported in a process of its own and nowhere else.
"""

import importlib.util
from dataclasses import dataclass, field

_JAX = {"JAX_PLATFORMS": "cpu"}


@dataclass(frozen=True)
class Contender:
    """Someone to measure.

    Attributes
    ----------
    name
        On the command line, in tables and pictures.
    about
        What it is, in words.
    module
        The file here.
    requires
        What must be importable.
    environment
        Variables of its process.
    updates
        Whether its update is measured by itself.
    estimator
        Whether its estimator with scikit-learn's interface is measured.
    program
        The file in ``programs/``, where its whole process is measured.
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
    """The first library that a contender requires and that is not installed, or an empty string."""
    return next((library for library in CONTENDERS[name].requires if importlib.util.find_spec(library) is None), "")
