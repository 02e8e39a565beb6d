"""Objects that the parts of one training share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cutedl_xp.datasets import Data
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.gradient_norm import GradientNorm
from cutedl_xp.training.history import History
from cutedl_xp.training.listener_memory import ListenerMemory
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.plan import ValidationPlan
from cutedl_xp.training.position import Position
from cutedl_xp.training.programs import Programs
from cutedl_xp.training.stopping import Stopping
from cutedl_xp.training.tally import Figure


@dataclass(frozen=True)
class Start:
    """Start of a call of ``Session.fit``, which may continue an interrupted one.

    Attributes
    ----------
    step
        Number of training steps of the session before the call.
    seconds
        Time that the call has taken so far.
    open_epoch
        Epoch that was begun and whose ``"epoch_end"`` is missing; None without one.
    step_open
        Whether the listeners have not been called yet after the last step.
    stop_reason
        Reason of a listener that has stopped the training within the open epoch; None without one.
    """

    step: int
    seconds: float = 0.0
    open_epoch: int | None = None
    step_open: bool = False
    stop_reason: str | None = None


@dataclass(frozen=True)
class Fit:
    """Parts of one call of ``Session.fit``.

    Attributes
    ----------
    session
        Session that trains, for the events.
    train
        Training data.
    model, optimizer, regularizers, evaluation
        Parts of the session.
    plan
        Last epoch of the training, and steps of its validations.
    position
        Counters of the session.
    losses
        Mean of the training losses since the last entry of the history.
    memory
        Listeners of the training, and their memory.
    start
        Start of the training.
    validate
        Function that returns the means of the loss and the metrics, see :meth:`Evaluation.means`.
    programs
        Compiled programs of the session.
    history, stopping
        Record of the training, and the object that ends it.
    gradient_norm
        Norm of the gradients at the last step; None if no listener needs it.
    """

    session: Any
    train: Data
    model: Model
    optimizer: Optimizer
    regularizers: tuple[Regularizer, ...]
    evaluation: Evaluation
    plan: ValidationPlan
    position: Position
    losses: RunningMean
    memory: ListenerMemory
    start: Start
    validate: Callable[[Data, int, Callable[[], bool]], list[Figure]]
    programs: Programs
    history: History
    stopping: Stopping
    gradient_norm: GradientNorm | None = None
