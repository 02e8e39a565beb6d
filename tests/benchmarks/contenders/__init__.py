"""Who takes part. Each file here has ``step(widths, batch_size)`` and, where it makes sense, ``update(rule, n)``.

A contender's module is imported in a process of its own and nowhere else.
"""

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
    """

    name: str
    about: str
    module: str
    requires: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    updates: bool = False


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("floor", "batch gather and matrix products alone, NumPy", "floor", ("numpy",), updates=True),
        Contender("cutedl_xp", "this package with numba", "ours", ("cutedl_xp", "numba"), updates=True),
        Contender("cutedl_xp-plain", "this package with NumPy alone", "ours_plain", ("cutedl_xp",), updates=True),
        Contender("jax-scan", "JAX, an epoch compiled as one scan", "jax_scan", ("jax", "optax"), _JAX),
        Contender("jax-step", "JAX, a step compiled", "jax_step", ("jax", "optax"), _JAX),
        Contender("torch", "PyTorch, eager, fused Adam", "torch_eager", ("torch",), updates=True),
        Contender("torch-compiled", "PyTorch, torch.compile, fused Adam", "torch_compiled", ("torch",)),
        Contender("keras", "Keras on JAX, fit", "keras_jax", ("keras", "jax"), {**_JAX, "KERAS_BACKEND": "jax"}),
        Contender("thinc", "Thinc", "thinc_adam", ("thinc",)),
        Contender("sklearn", "scikit-learn, MLPClassifier", "sklearn_mlp", ("sklearn",)),
    )
}
