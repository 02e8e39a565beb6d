"""Entries of a history, validations and events: everything that happens between the steps of a training."""

import time
from collections.abc import Sequence
from typing import Any

from cutedl_xp.training.evaluation import EvaluationStopped
from cutedl_xp.training.events import Event, Listener, call_order, is_called_last, step_interval
from cutedl_xp.training.finiteness import Fault, count_skipped, find_fault, sum_of_state
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.interrupts import without_interrupts
from cutedl_xp.training.means import RunningMean, read_together
from cutedl_xp.training.tally import Figure, read_figures


class TrainingLog:
    """Write a history and call the listeners.

    Parameters
    ----------
    fit
        Training to write about.

    Attributes
    ----------
    first_epoch
        Epoch that the training begins with.
    open_epoch, step_open
        See :class:`Start`.
    warning
        Sentence to warn of after the training; empty if there is none.
    """

    def __init__(self, fit: Fit) -> None:
        self.warning = ""
        self._fit, self._plan, self._position = fit, fit.plan, fit.position
        self._memory, self._losses, self._stopping = fit.memory, fit.losses, fit.stopping
        self._listeners = call_order(fit.memory.listeners)
        self._intervals = [(listener, each) for listener in self._listeners if (each := step_interval(listener))]
        self.open_epoch, self.step_open = fit.start.open_epoch, fit.start.step_open
        self._epoch = fit.position.epoch - (fit.position.batch == 0)  # that of the last step
        is_open = self.open_epoch == self._epoch or self.step_open or self._lacks_entry()
        if self._epoch < fit.position.epoch and not is_open:
            self._epoch += 1
        self.first_epoch = self._epoch
        self._started = time.perf_counter() - fit.start.seconds

    @property
    def seconds(self) -> float:
        """Seconds since the training began, without those between an interruption and its resumption."""
        return time.perf_counter() - self._started

    def begin_epoch(self, epoch: int) -> None:
        """Call the listeners at the start of an epoch, or of what is left of one."""
        self._epoch = self.open_epoch = epoch
        self._memory.epoch_is_open = True
        self._call(self._listeners, "epoch_start")

    def finish_last_step(self) -> None:
        """Make the entry of the last step, and call the listeners after it, if an interruption came before that."""
        if self._lacks_entry():
            self._record()
        if self.step_open:
            self._end_step()

    @property
    def steps_to_event(self) -> int:
        """Number of steps, at least 1, to the next one after which :meth:`after_steps` has to be called."""
        step, batch = self._position.step, self._position.batch
        calls = [interval - step % interval for _, interval in self._intervals]
        return min([self._plan.steps_to_entry(step, batch), *calls])

    @property
    def most_steps(self) -> int:
        """Largest number that :attr:`steps_to_event` can be."""
        return min([self._plan.steps_to_entry(0, 0), *[interval for _, interval in self._intervals]])

    def after_steps(self) -> None:
        """Make an entry if one is due, and call the listeners that want to be called after this step."""
        self.step_open = True
        if self._entry_is_due():
            self._record()
        self._end_step()

    def _end_step(self) -> None:
        """Call the listeners that want to be called after this step; a state that they save is that after the call."""
        step, self.step_open = self._position.step, False
        try:
            self._call([listener for listener, interval in self._intervals if step % interval == 0], "step_end")
        except BaseException:
            self.step_open = True
            raise

    def end_epoch(self) -> bool:
        """Call the listeners at the end of an epoch, or where it is stopped; what they save is as after the call.

        Returns
        -------
        bool
            Whether the training was to stop when they had been called. A later interruption is shown to them at the end
            of the next epoch, in which no step is made.
        """
        self.open_epoch, self._memory.epoch_is_open = None, False
        stopping = self._stopping
        last = [listener for listener in self._listeners if is_called_last(listener)]
        try:
            self._call(self._listeners[: len(self._listeners) - len(last)], "epoch_end")
            seen = stopping.interrupted
            self._call(last, "epoch_end")
            requested = stopping.requested
            if stopping.interrupted and not seen:  # perhaps after a Checkpoint had found nothing to do
                self._call(last, "epoch_end")
                requested = True
            return requested
        except BaseException:
            self.open_epoch, self._memory.epoch_is_open = self._epoch, True
            raise

    def _entry_is_due(self) -> bool:
        position = self._position
        return self._plan.entry_is_due(position.step, self._epoch, position.epoch > self._epoch)

    def _lacks_entry(self) -> bool:
        """Return whether the last step was made before an interruption, and its entry was not."""
        step, made = self._position.step, self._fit.history.steps
        return self._fit.start.step < step != (made[-1] if made else None) and self._entry_is_due()

    def _record(self) -> None:
        """Validate and make an entry, unless the training is to stop; figures are copied from the device only here."""
        if self._stopping.requested:
            return
        train_metrics: dict[str, float] = {}
        try:
            if self._plan.train_metrics:
                train_metrics = self._measure_training()
        except EvaluationStopped:
            return  # a resumed training makes the entry
        if self._plan.val_data is None:
            self._append((), train_metrics)
            return
        begun: list[Listener] = []
        try:
            for listener in self._listeners:
                begun.append(listener)
                self._call([listener], "val_start")
            means = self._fit.validate(self._plan.val_data, self._plan.val_batches, lambda: self._stopping.interrupted)
            self._append(means, train_metrics)
        except EvaluationStopped:
            pass  # a resumed training makes the entry
        finally:
            self._call_each(begun, "val_end")

    def _measure_training(self) -> dict[str, float]:
        """Return the metrics over the training data, with the parameters as they are now."""
        fit = self._fit
        figures = fit.validate(fit.train, 0, lambda: self._stopping.interrupted)
        return dict(zip(fit.evaluation.recorded, read_figures(figures)[1:], strict=True))

    def _append(self, validation: Sequence[Figure], train_metrics: dict[str, float]) -> None:
        """Make an entry from the training loss and the means of a validation, which are empty without one."""
        fit, optimizer = self._fit, self._fit.optimizer
        means = [figure for figure in validation if isinstance(figure, RunningMean)]
        total = sum_of_state(optimizer, fit.model.buffers)
        [loss, *others], [state_sum] = read_together([self._losses, *means], [total])
        values = iter(others)
        metrics: dict[str, float] = {}
        for name, figure in zip(fit.evaluation.names, validation, strict=False):  # without a validation there are none
            metrics[name] = next(values).value if isinstance(figure, RunningMean) else figure.read()
        val_loss = metrics.pop("loss", None)
        rates = {pattern: float(rate) for pattern, rate in optimizer.learning_rates().items()}
        entry: dict[str, Any] = {
            "steps": self._position.step,
            "cost_time": self.seconds,
            "loss": loss.value,
            "val_loss": val_loss,
            "metrics": metrics,
            "lr": rates[""] if set(rates) == {""} else rates,
            "skipped": count_skipped(optimizer),
            "train_metrics": train_metrics,
        }
        with without_interrupts():  # so that no loss is counted twice or never
            self._losses.reset()
            fit.history.append(**entry)
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
            self._fit.gradient_norm,
            self._memory.listeners,
        )

    def _stop_unless_finite(self, fault: Fault | None) -> None:
        if fault is not None:
            self._stopping.stop("not_finite", fault.reason)
            self.warning = f"the training stopped because {fault.reason}; {fault.explanation}"
