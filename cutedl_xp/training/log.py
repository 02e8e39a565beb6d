"""Entries of a history, validations and events: everything that happens between the steps of a training."""

import math
import time
from collections.abc import Sequence
from typing import Any

from cutedl_xp._typing import Array
from cutedl_xp.datasets import Dataset
from cutedl_xp.training.diagnosis import explain_non_finite
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.events import Event, Listener, wants_steps
from cutedl_xp.training.history import History
from cutedl_xp.training.listener_memory import ListenerMemory
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.plan import ValidationPlan
from cutedl_xp.training.position import Position
from cutedl_xp.training.stopping import Stopping


class TrainingLog:
    """Write a history and call the listeners.

    Parameters
    ----------
    session
        Session that trains, which the events hold.
    history, stopping
        Record that the entries go to, and the object that ends the training.
    train
        Training data, searched when a loss is not finite.
    evaluation, plan
        How to validate, and when.
    position
        Counters of the session.
    losses
        Mean of the training losses since the entry before.
    memory
        Listeners of the training, and their memory.

    Attributes
    ----------
    warning
        Sentence to warn of after the training; empty if there is none.
    """

    def __init__(
        self,
        session: Any,
        history: History,
        stopping: Stopping,
        train: Dataset,
        evaluation: Evaluation,
        plan: ValidationPlan,
        position: Position,
        losses: RunningMean,
        memory: ListenerMemory,
    ) -> None:
        self.warning = ""
        self._session, self._history, self._stopping = session, history, stopping
        self._train, self._evaluation, self._plan, self._position = train, evaluation, plan, position
        self._losses, self._memory = losses, memory
        self._step_listeners = [listener for listener in memory.listeners if wants_steps(listener)]
        self._epoch = position.epoch
        self._started = time.perf_counter()

    def begin_epoch(self) -> None:
        """Call the listeners at the start of an epoch, or of what is left of one."""
        self._epoch = self._position.epoch
        self._call(self._memory.listeners, "epoch_start")

    def add_step(self, loss: Array, size: int) -> None:
        """Add the loss of a step over ``size`` samples, and make an entry if one is due."""
        self._losses.add_mean(loss, size)
        position = self._position
        if self._plan.entry_is_due(position.step, self._epoch, position.epoch > self._epoch):
            self._record()
        if self._step_listeners:
            self._call(self._step_listeners, "step_end")

    def end_epoch(self) -> None:
        """Call the listeners at the end of an epoch, or where it is stopped."""
        self._call(self._memory.listeners, "epoch_end")

    def _record(self) -> None:
        """Validate and make an entry, unless the training is to stop; figures are copied from the device only here."""
        if self._stopping.requested:
            return
        if self._plan.val_data is None:
            self._append(RunningMean.read([self._losses]))
            return
        begun: list[Listener] = []
        try:
            for listener in self._memory.listeners:
                begun.append(listener)
                self._call([listener], "val_start")
            validation = self._evaluation.means(self._plan.val_data, self._plan.val_batches)
            self._append(RunningMean.read([self._losses, *validation]))
        finally:
            self._call_each(begun, "val_end")

    def _append(self, means: Sequence[float]) -> None:
        loss, *validation = means
        self._losses.reset()
        metrics = dict(zip(self._evaluation.names, validation, strict=True)) if validation else {}
        val_loss = metrics.pop("loss", None)
        rates = {pattern: float(rate) for pattern, rate in self._session.optimizer.learning_rates().items()}
        self._history.append(
            steps=self._position.step,
            cost_time=time.perf_counter() - self._started,
            loss=loss,
            val_loss=val_loss,
            metrics=metrics,
            lr=rates[""] if set(rates) == {""} else rates,
        )
        self._stop_unless_finite("loss", loss)
        if val_loss is not None:
            self._stop_unless_finite("val_loss", val_loss)

    def _call(self, listeners: Sequence[Listener], name: str) -> None:
        event = self._event(name)
        for listener in listeners:
            self._memory.call(listener, event)

    def _call_each(self, listeners: Sequence[Listener], name: str) -> None:
        """Call all listeners, also those after one that raises."""
        if listeners:
            try:
                self._call(listeners[:1], name)
            finally:
                self._call_each(listeners[1:], name)

    def _event(self, name: str) -> Event:
        position, plan = self._position, self._plan
        return Event(
            name,
            self._session,
            self._history,
            self._epoch,
            position.step,
            plan.last_epoch,
            plan.epoch_steps,
            self._stopping,
            plan.epoch_steps if position.epoch > self._epoch else position.batch,
        )

    def _stop_unless_finite(self, name: str, value: float) -> None:
        if math.isfinite(value) or self._stopping.requested:
            return
        reason = f"{name} is {value} at step {self._position.step}"
        self._stopping.stop("not_finite", reason)
        argument, data = ("train", self._train) if name == "loss" else ("val_data", self._plan.val_data)
        assert data is not None
        explanation = explain_non_finite(argument, data, self._session.model.dtype)
        self.warning = f"the training stopped because {reason}; {explanation}"
