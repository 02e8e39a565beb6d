"""What happens around the steps of a training: sums of the loss, validations, entries of the history, events."""

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cutedl_xp._typing import Array
from cutedl_xp.datasets import Dataset
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.events import Event, Listener
from cutedl_xp.training.history import History


@dataclass(frozen=True)
class FitPlan:
    """How far a call of ``Session.fit`` goes, and when it validates; see there."""

    last_epoch: int
    epoch_steps: int
    val_data: Dataset | None
    val_epochs: int
    val_steps: int
    val_batches: int

    def entry_after_step(self, step: int) -> bool:
        """Whether an entry is made after a step in the middle of an epoch."""
        return self.val_data is not None and self.val_steps > 0 and step % self.val_steps == 0

    def entry_after_epoch(self, epoch: int, has_news: bool) -> bool:
        """Whether an entry is made after an epoch, with or without steps since the last one."""
        if epoch == self.last_epoch:
            return has_news
        return self.val_data is None or (self.val_steps == 0 and (epoch + 1) % self.val_epochs == 0)


class Recorder:
    """Sums up the loss on the device, makes the entries of a history, and tells the listeners.

    Parameters
    ----------
    session
        The session that trains: its ``epoch`` and ``step`` are read.
    history
        Where entries go.
    evaluation, plan, listeners
        How to validate, when, and whom to tell.
    """

    def __init__(
        self, session: Any, history: History, evaluation: Evaluation, plan: FitPlan, listeners: Sequence[Listener]
    ) -> None:
        self.history = history
        self._session, self._evaluation, self._plan, self._listeners = session, evaluation, plan, tuple(listeners)
        self._started = time.perf_counter()
        self._loss_total: Any = 0.0
        self._loss_count = 0

    @property
    def has_news(self) -> bool:
        """Whether a step was made since the last entry."""
        return self._loss_count > 0

    def add(self, loss: Array) -> None:
        """Count one step's loss, on the device."""
        self._loss_total = self._loss_total + loss
        self._loss_count += 1

    def record(self) -> None:
        """Validate and make an entry, unless the training is to stop; only now figures are copied from the device."""
        if self.history.stop_reason is not None:
            return
        means = [self._loss_total / self._loss_count]
        if self._plan.val_data is not None:
            self.tell("val_start")
            means += self._evaluation.means(self._plan.val_data, self._plan.val_batches)
        loss, *validation = self._evaluation.read(means)
        self._loss_total, self._loss_count = 0.0, 0
        val = dict(zip(self._evaluation.names, validation, strict=True)) if validation else {}
        val_loss = val.pop("loss", None)
        seconds = time.perf_counter() - self._started
        self.history.append(steps=self._session.step, cost_time=seconds, loss=loss, val_loss=val_loss, metrics=val)
        self._stop_unless_finite("loss", loss)
        if val_loss is not None:
            self._stop_unless_finite("val_loss", val_loss)
            self.tell("val_end")

    def tell(self, name: str) -> None:
        """Call the listeners with an event."""
        session, plan = self._session, self._plan
        event = Event(name, session, self.history, session.epoch, session.step, plan.last_epoch, plan.epoch_steps)
        for listener in self._listeners:
            listener(event)

    @contextmanager
    def failures_noted(self) -> Iterator[None]:
        """Within the block an exception, of a listener for instance, becomes the history's ``stop_reason`` as well."""
        try:
            yield
        except BaseException as error:
            self.stop(f"{type(error).__name__} was raised")
            raise

    def stop(self, why: str) -> None:
        """End the training after the current step; the first reason given stays."""
        if self.history.stop_reason is None:
            self.history.stop_reason = why

    def _stop_unless_finite(self, name: str, value: float) -> None:
        if math.isfinite(value) or self.history.stop_reason is not None:
            return
        self.history.stop_reason = f"{name} is {value} at step {self._session.step}"
        fit_was_called = 5  # frames up: record, _train, fit and its caller
        warnings.warn(
            f"the training stopped because {self.history.stop_reason}; a smaller learning rate may help",
            RuntimeWarning,
            stacklevel=fit_was_called,
        )
