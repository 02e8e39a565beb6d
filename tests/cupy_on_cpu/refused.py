"""Parts of CuPy that use a GPU without the emulated functions: each raises an error."""

from types import ModuleType
from typing import Any

from cupy_on_cpu.errors import Unsupported

_RANDOM = "cupy.random runs precompiled kernels, which cannot be emulated: draw on the host and move the array"
_THRUST = "sort, argsort, unique and the like run precompiled kernels of Thrust, which cannot be emulated"


def refuse(cupy: ModuleType) -> None:
    """Make everything of ``cupy.random``, and sorting by Thrust, raise :class:`Unsupported`."""
    found_late = ["Generator"]
    for name in [name for name, value in vars(cupy.random).items() if name[0] != "_" and callable(value)] + found_late:
        setattr(cupy.random, name, _refusal(_RANDOM))
    for name in ("sort", "argsort", "lexsort"):
        setattr(cupy.cuda.thrust, name, _refusal(_THRUST))


def _refusal(sentence: str) -> Any:
    def refused(*_: Any, **__: Any) -> Any:
        raise Unsupported(sentence)

    return refused
