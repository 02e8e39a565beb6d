"""Entries of a history, validations and events: everything that happens between the steps of a training."""

import time
from collections.abc import Sequence

from cutedl_xp.training.events import Event, Listener, wants_steps
from cutedl_xp.training.finiteness import Fault, count_skipped, find_fault, sum_of_state
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.means import RunningMean, read_together


class TrainingLog:
    """Write a history and call the listeners.

    Parameters
    ----------
    fit
        Training to write about.

    Attributes
    ----------
    warning
        Sentence to warn of after the training; empty if there is none.
    """

    def __init__(self, fit: Fit) -> None:
        self.warning = ""
        self._fit, self._plan, self._position = fit, fit.plan, fit.position
        self._memory, self._losses, self._stopping = fit.memory, fit.losses, fit.stopping
        self._step_listeners = [listener for listener in fit.memory.listeners if wants_steps(listener)]
        self._epoch = fit.position.epoch
        self._started = time.perf_counter()

    def begin_epoch(self) -> None:
        """Call the listeners at the start of an epoch, or of what is left of one."""
        self._epoch = self._position.epoch
        self._call(self._memory.listeners, "epoch_start")

    @property
    def steps_to_event(self) -> int:
        """Number of steps, at least 1, to the next one after which :meth:`after_steps` has to be called."""
        position = self._position
        return 1 if self._step_listeners else self._plan.steps_to_entry(position.step, position.batch)

    @property
    def most_steps(self) -> int:
        """Largest number that :attr:`steps_to_event` can be."""
        return 1 if self._step_listeners else self._plan.steps_to_entry(0, 0)

    def after_steps(self) -> None:
        """Make an entry if one is due, and call the listeners that want to be called after each step."""
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
            self._append(())
            return
        begun: list[Listener] = []
        try:
            for listener in self._memory.listeners:
                begun.append(listener)
                self._call([listener], "val_start")
            validation = self._fit.validate(self._plan.val_data, self._plan.val_batches)
            self._append(validation)
        finally:
            self._call_each(begun, "val_end")

    def _append(self, validation: Sequence[RunningMean]) -> None:
        """Make an entry from the training loss and the means of a validation, which are empty without one."""
        fit, optimizer = self._fit, self._fit.optimizer
        [loss, *others], [state_sum] = read_together([self._losses, *validation], [sum_of_state(optimizer)])
        self._losses.reset()
        names = fit.evaluation.names if validation else ()
        metrics = {name: reading.value for name, reading in zip(names, others, strict=True)}
        val_loss = metrics.pop("loss", None)
        rates = {pattern: float(rate) for pattern, rate in optimizer.learning_rates().items()}
        fit.history.append(
            steps=self._position.step,
            cost_time=time.perf_counter() - self._started,
            loss=loss.value,
            val_loss=val_loss,
            metrics=metrics,
            lr=rates[""] if set(rates) == {""} else rates,
            skipped=count_skipped(optimizer),
        )
        if not self._stopping.requested:
            self._stop_unless_finite(find_fault(fit, loss, val_loss, state_sum))

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
            self._fit.session,
            self._fit.history,
            self._epoch,
            position.step,
            plan.last_epoch,
            plan.epoch_steps,
            self._stopping,
            plan.epoch_steps if position.epoch > self._epoch else position.batch,
        )

    def _stop_unless_finite(self, fault: Fault | None) -> None:
        if fault is not None:
            self._stopping.stop("not_finite", fault.reason)
            self.warning = f"the training stopped because {fault.reason}; {fault.explanation}"
