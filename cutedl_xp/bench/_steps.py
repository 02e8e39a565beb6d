"""Training steps of ``Session.fit`` without its history and listeners."""

from collections.abc import Callable

from cutedl_xp.datasets import Dataset
from cutedl_xp.losses import CategoricalCrossentropy
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Adam
from cutedl_xp.training.compilation import Compilation, decide
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.fit import Fit, Start
from cutedl_xp.training.history import History
from cutedl_xp.training.listener_memory import ListenerMemory
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.plan import ValidationPlan
from cutedl_xp.training.position import Position
from cutedl_xp.training.programs import Programs
from cutedl_xp.training.steps import SessionSteps
from cutedl_xp.training.stopping import Stopping


def make_steps(model: Model, data: Dataset, compiled: bool | None) -> Callable[[int], RunningMean]:
    """Return a function of a number of training steps that runs these steps and returns the mean of the losses.

    Parameters
    ----------
    model
        Model to train with softmax cross-entropy and Adam.
    data
        Training data, with equal sizes of all batches.
    compiled
        Argument of ``Session.fit``.
    """
    fit = _make_fit(model, data)
    fit.optimizer.attach(model.parameters)
    compilation = decide(model, fit.evaluation.loss, fit.optimizer, data, compiled)
    failed: list[Compilation] = []
    steps = SessionSteps(fit, compilation, failed.append, insist=compiled is True, longest=len(data))
    position, backend = fit.position, model.backend

    def run(count: int) -> RunningMean:
        last = position.step + count
        with backend.active(), backend.ignore_underflow():
            while position.step < last:
                if position.batch == 0:
                    steps.begin_epoch()
                steps.run(min(last - position.step, len(data) - position.batch))
        if failed:
            raise RuntimeError(f"{failed[0].reason}; give --compiled no to time the plain loop")
        return fit.losses

    return run


def _make_fit(model: Model, data: Dataset) -> Fit:
    evaluation, history = Evaluation(model, CategoricalCrossentropy(), ()), History()
    return Fit(
        session=None,
        train=data,
        model=model,
        optimizer=Adam(),
        regularizers=(),
        evaluation=evaluation,
        plan=ValidationPlan(0, len(data), None, 1, 0, 0),
        position=Position(),
        losses=RunningMean(model.backend, model.dtype),
        memory=ListenerMemory(),
        start=Start(0),
        validate=evaluation.means,
        programs=Programs(),
        history=history,
        stopping=Stopping(history),
    )
