"""Whether the training steps of a session are compiled, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from cutedl_xp._compilable import Compilable
from cutedl_xp.losses import Loss
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer


@dataclass(frozen=True)
class Compilation:
    """Whether training steps are compiled; true or false in a condition.

    Attributes
    ----------
    reason
        The reason as a sentence.

    Examples
    --------
    >>> from cutedl_xp.training.compilation import Compilation
    >>> bool(Compilation(False, "the backend 'torch' runs the operations one after the other"))
    False
    """

    compiled: bool
    reason: str

    def __bool__(self) -> bool:
        return self.compiled


def decide(model: Model, loss: Loss, optimizer: Optimizer, wanted: bool | None) -> Compilation:
    """Return whether training steps are compiled.

    Parameters
    ----------
    model, loss, optimizer
        Parts of the session.
    wanted
        Argument ``compiled`` of ``Session.fit``.

    Raises
    ------
    ValueError
        If compilation is wanted and not possible.
    """
    if wanted is False:
        return Compilation(False, "`compiled` is False")
    reason = model.backend.why_not_compiled() or _find_obstacle([*model.layers, loss, *optimizer.all])
    if reason is None:
        how = "many steps in one call" if model.backend.compiles_steps else "each step in the trainer's own loop"
        return Compilation(True, f"the backend {model.backend.name!r} runs {how}")
    if wanted:
        raise ValueError(f"`compiled` is True, but {reason}; leave `compiled` out for the plain loop")
    return Compilation(False, reason)


def _find_obstacle(parts: Sequence[Compilable]) -> str | None:
    for part in parts:
        if not part.compilable:
            name = type(part).__name__
            return f"the class {name} does not say `compilable = True`"
    return None
