"""Work between the steps of a training: entries of the history, validations and events."""

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
        Training to record.

    Attributes
    ----------
    first_epoch
        First epoch of the training.
    open_epoch, step_open
        See :class:`Start`.
    warning
        Text of the warning after the training; empty without one.
    """

    def __init__(self, fit: Fit) -> None:
        self.warning = ""
        self._fit, self._plan, self._position = fit, fit.plan, fit.position
        self._memory, self._losses, self._stopping = fit.memory, fit.losses, fit.stopping
        self._listeners = call_order(fit.memory.listeners)
        self._intervals = [(listener, each) for listener in self._listeners if (each := step_interval(listener))]
        self.open_epoch, self.step_open = fit.start.open_epoch, fit.start.step_open
        self._epoch = fit.position.epoch - (fit.position.batch == 0)  # epoch of the last step
        is_open = self.open_epoch == self._epoch or self.step_open or self._lacks_entry()
        if self._epoch < fit.position.epoch and not is_open:
            self._epoch += 1
        self.first_epoch = self._epoch
        self._started = time.perf_counter() - fit.start.seconds

    @property
    def seconds(self) -> float:
        """Seconds of the training so far, without the time between an interruption and its resumption."""
        return time.perf_counter() - self._started

    def begin_epoch(self, epoch: int) -> None:
        """Call the listeners at the start of the epoch number ``epoch``, or of its remaining steps."""
        self._epoch = self.open_epoch = epoch
        self._memory.epoch_is_open = True
        self._call(self._listeners, "epoch_start")

    def finish_last_step(self) -> None:
        """Record the entry of the last step and call the listeners, if an interruption has prevented this before."""
        if self._lacks_entry():
            self._record()
        if self.step_open:
            self._end_step()

    @property
    def steps_to_event(self) -> int:
        """Number of steps, at least 1, before the next call of :meth:`after_steps`."""
        step, batch = self._position.step, self._position.batch
        calls = [interval - step % interval for _, interval in self._intervals]
        return min([self._plan.steps_to_entry(step, batch), *calls])

    @property
    def most_steps(self) -> int:
        """Largest possible value of :attr:`steps_to_event`."""
        return min([self._plan.steps_to_entry(0, 0), *[interval for _, interval in self._intervals]])

    def after_steps(self) -> None:
        """Record an entry if one is due, and call the listeners whose interval ends with this step."""
        self.step_open = True
        if self._entry_is_due():
            self._record()
        self._end_step()

    def _end_step(self) -> None:
        """Call the listeners whose interval ends with this step; a state that they save includes the call itself."""
        step, self.step_open = self._position.step, False
        try:
            self._call([listener for listener, interval in self._intervals if step % interval == 0], "step_end")
        except BaseException:
            self.step_open = True
            raise

    def end_epoch(self) -> bool:
        """Call the listeners at the end of an epoch or at a stop within it; a state that they save includes the call.

        Returns
        -------
        bool
            Whether a stop was requested before the end of these calls. After a later interruption the listeners are
            called at the end of the next epoch, which has no steps.
        """
        self.open_epoch, self._memory.epoch_is_open = None, False
        stopping = self._stopping
        last = [listener for listener in self._listeners if is_called_last(listener)]
        try:
            self._call(self._listeners[: len(self._listeners) - len(last)], "epoch_end")
            seen = stopping.interrupted
            self._call(last, "epoch_end")
            requested = stopping.requested
            if stopping.interrupted and not seen:  # a Checkpoint may have been called before the interruption
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
        """Return whether an interruption has prevented the entry of the last step."""
        step, made = self._position.step, self._fit.history.steps
        return self._fit.start.step < step != (made[-1] if made else None) and self._entry_is_due()

    def _record(self) -> None:
        """Validate and record an entry, unless a stop is requested; only entries copy figures from the device."""
        if self._stopping.requested:
            return
        train_metrics: dict[str, float] = {}
        try:
            if self._plan.train_metrics:
                train_metrics = self._measure_training()
        except EvaluationStopped:
            return  # a resumed training records the entry
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
            pass  # a resumed training records the entry
        finally:
            self._call_each(begun, "val_end")

    def _measure_training(self) -> dict[str, float]:
        """Return the metrics of the current parameters over the training data."""
        fit = self._fit
        figures = fit.validate(fit.train, 0, lambda: self._stopping.interrupted)
        return dict(zip(fit.evaluation.recorded, read_figures(figures)[1:], strict=True))

    def _append(self, validation: Sequence[Figure], train_metrics: dict[str, float]) -> None:
        """Record an entry with the training loss and the figures of a validation, if any."""
        fit, optimizer = self._fit, self._fit.optimizer
        means = [figure for figure in validation if isinstance(figure, RunningMean)]
        total = sum_of_state(optimizer, fit.model.buffers)
        [loss, *others], [state_sum] = read_together([self._losses, *means], [total])
        values = iter(others)
        metrics: dict[str, float] = {}
        for name, figure in zip(fit.evaluation.names, validation, strict=False):  # `validation` may be empty
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
        with without_interrupts():  # so that each loss is counted exactly once
            self._losses.reset()
            fit.history.append(**entry)
        if not self._stopping.requested:
            self._stop_unless_finite(find_fault(fit, loss, val_loss, state_sum))

    def _call(self, listeners: Sequence[Listener], name: str) -> None:
        event = self._event(name)
        for listener in listeners:
            self._memory.call(listener, event)

    def _call_each(self, listeners: Sequence[Listener], name: str) -> None:
        """Call all listeners, even after one of them has raised."""
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
