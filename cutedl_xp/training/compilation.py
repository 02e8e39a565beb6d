"""Decision whether the training steps of a session are compiled, with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from cutedl_xp._checks import check_boolean
from cutedl_xp._compilable import Compilable
from cutedl_xp.backends import is_module_level
from cutedl_xp.datasets import Data, Dataset
from cutedl_xp.losses import Loss
from cutedl_xp.model import Model
from cutedl_xp.optimizers import ElementwiseOptimizer, Optimizer


@dataclass(frozen=True)
class Compilation:
    """Decision whether training steps are compiled; true or false in a condition.

    Attributes
    ----------
    compiled
        Whether the steps are compiled.
    reason
        Reason as a sentence.

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


def decide(
    model: Model, loss: Loss, optimizer: Optimizer, train: Data | None = None, wanted: bool | None = None
) -> Compilation:
    """Return whether training steps are compiled.

    Parameters
    ----------
    model, loss, optimizer
        Parts of the session.
    train
        Training data; default None before they are known.
    wanted
        Argument ``compiled`` of ``Session.fit``.

    Raises
    ------
    TypeError, ValueError
        If ``wanted`` is no boolean, or compilation is wanted and not possible.
    """
    if wanted is not None and not check_boolean("compiled", wanted):
        return Compilation(False, "`compiled` is False")
    parts = [*model.layers, loss, *optimizer.all]
    reason = model.backend.why_not_compiled() or _find_obstacle(parts, train)
    if reason is None and wanted is None:
        reason = model.backend.why_not_by_default()
    if reason is None:
        how = "many steps in one call" if model.backend.compiles_steps else "each step in the trainer's own loop"
        return Compilation(True, f"the backend {model.backend.name!r} runs {how}")
    if wanted:
        raise ValueError(f"`compiled` is True, but {reason}; leave `compiled` out for the plain loop")
    return Compilation(False, reason)


def _find_obstacle(parts: Sequence[Compilable], train: Data | None) -> str | None:
    if train is not None and not train.in_memory:
        return "the training data are read batch by batch"
    if train is not None and type(train) is not Dataset:
        return f"the class {type(train).__name__} of the training data may make batches of its own"
    for part in parts:
        name = type(part).__name__
        if isinstance(part, ElementwiseOptimizer) and not is_module_level(part.rule):
            return f"the rule of {name} is not a function at the top of a module"
        if not part.compilable:
            return f"the class {name} does not say `compilable = True`"
    return None
