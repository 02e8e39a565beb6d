"""The declaration that a class may run inside a compiled training step, and which classes are the library's."""

from types import FunctionType
from typing import Any, ClassVar

_OWN = f"{__name__.partition('.')[0]}."


class Compilable:
    """Base class of layers, losses and optimizers, which may be part of a compiled training step.

    A compiled step runs the methods of a class once and repeats the operations on arrays that they made. Therefore a
    class that sets ``compilable = True`` promises that these methods

    - contain no Python branch, loop or conversion that depends on the values of arrays;
    - draw random numbers only from the stream given to ``Layer.bind``;
    - keep nothing of a batch, neither its arrays nor anything computed from them;
    - read nothing that changes during a training except parameters and their own arguments.

    A subclass may break the promise, so it is not inherited: a subclass that keeps it sets ``compilable`` again. The
    attribute describes the class itself; a wrapper is compiled if the optimizers within it are compilable as well.
    """

    compilable: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Reset ``compilable`` unless the body of the class sets it."""
        super().__init_subclass__(**options)
        if "compilable" not in vars(cls):
            cls.compilable = False


def is_own(part: Any) -> bool:
    """Return whether an object or function is one of the library, which says all that it depends on."""
    found = part if isinstance(part, FunctionType) else type(part)
    return found.__module__.startswith(_OWN)
