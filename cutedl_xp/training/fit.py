"""The objects that the parts of one training share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cutedl_xp.datasets import Dataset
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.history import History
from cutedl_xp.training.listener_memory import ListenerMemory
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.plan import ValidationPlan
from cutedl_xp.training.position import Position
from cutedl_xp.training.programs import Programs
from cutedl_xp.training.stopping import Stopping


@dataclass(frozen=True)
class Start:
    """Where a call of ``Session.fit`` began, and where it goes on after an interruption.

    Attributes
    ----------
    step
        Training steps of the session before it.
    seconds
        Seconds that it has taken so far.
    epoch_open
        Whether an epoch was begun whose end the listeners have not been called at.
    """

    step: int
    seconds: float = 0.0
    epoch_open: bool = False


@dataclass(frozen=True)
class Fit:
    """One call of ``Session.fit``.

    Attributes
    ----------
    session
        Session that trains, which events hold.
    train
        Training data.
    model, optimizer, regularizers, evaluation
        Parts of the session.
    plan
        How far the training goes, and when it validates.
    position
        Counters of the session.
    losses
        Mean of the training losses since the last entry of the history.
    memory
        Listeners of the training, and their memory.
    start
        Where it began.
    validate
        Function that returns the means of the loss and the metrics, see :meth:`Evaluation.means`.
    programs
        Compiled programs of the session.
    history, stopping
        Record of the training, and the object that ends it.
    """

    session: Any
    train: Dataset
    model: Model
    optimizer: Optimizer
    regularizers: tuple[Regularizer, ...]
    evaluation: Evaluation
    plan: ValidationPlan
    position: Position
    losses: RunningMean
    memory: ListenerMemory
    start: Start
    validate: Callable[[Dataset, int, Callable[[], bool]], list[RunningMean]]
    programs: Programs
    history: History
    stopping: Stopping
