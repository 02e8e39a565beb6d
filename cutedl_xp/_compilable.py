"""Declaration that a class may run inside a compiled training step, and a test for classes of the library."""

from types import FunctionType
from typing import Any, ClassVar

_OWN = f"{__name__.partition('.')[0]}."


class Compilable:
    """Base class of layers, losses and optimizers, which may be part of a compiled training step.

    A compiled step runs the methods of a class once and repeats their array operations. Therefore a class that sets
    ``compilable = True`` promises that these methods

    - contain no Python branch, loop or conversion that depends on the values of arrays;
    - draw random numbers only from the stream given to ``Layer.bind``;
    - keep no part of a batch, neither its arrays nor anything computed from them;
    - read nothing that changes during a training except parameters and their own arguments.

    A subclass may break the promise, so it does not inherit the attribute: a subclass that keeps the promise sets
    ``compilable`` again. The attribute describes the class itself; a wrapper is compiled if the optimizers within it
    are compilable as well.
    """

    compilable: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Reset ``compilable`` unless the body of the class sets it."""
        super().__init_subclass__(**options)
        if "compilable" not in vars(cls):
            cls.compilable = False


def is_own(part: Any) -> bool:
    """Return whether a function, or the class of an object, belongs to the library."""
    found = part if isinstance(part, FunctionType) else type(part)
    return found.__module__.startswith(_OWN)
