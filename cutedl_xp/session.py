"""Training: the one loop that brings model, data, loss and optimizer together."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from cutedl_xp import listeners as _listeners
from cutedl_xp._checks import integer
from cutedl_xp._interrupt import deferred_interrupt
from cutedl_xp._typing import Array
from cutedl_xp.datasets import Dataset
from cutedl_xp.history import History
from cutedl_xp.listeners import Event, Listener
from cutedl_xp.losses import Loss
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer

Metric: TypeAlias = Callable[[Array, Array], Array]


class Session:
    """A model together with what trains it.

    Parameters
    ----------
    model
        An assembled model.
    loss
        One of :mod:`cutedl_xp.losses`.
    optimizer
        One of :mod:`cutedl_xp.optimizers`, not used for another model before.
    regularizers
        Of :mod:`cutedl_xp.regularizers`; applied to the gradients in their order.
    metrics
        Functions such as :func:`cutedl_xp.metrics.accuracy`, recorded at each validation under their names.

    Attributes
    ----------
    history
        What the last ``fit`` recorded; None before the first.
    epoch, step
        Epochs and steps trained so far, over all calls of ``fit``.

    Raises
    ------
    TypeError, RuntimeError
        If an argument is none of these, or the model is not assembled.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> x = np.linspace(-1.0, 1.0, 64, dtype="float32").reshape(64, 1)
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble()
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(lr=0.5))
    >>> history = session.fit(cdl.Dataset(x, 3.0 * x, batch_size=16), epochs=20)
    >>> history.loss[-1] < 1e-3
    True
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        optimizer: Optimizer,
        regularizers: Sequence[Regularizer] = (),
        metrics: Sequence[Metric] = (),
    ) -> None:
        _check_type("model", model, Model)
        _check_type("loss", loss, Loss)
        _check_type("optimizer", optimizer, Optimizer)
        for regularizer in regularizers:
            _check_type("regularizers", regularizer, Regularizer)
        for metric in metrics:
            if not hasattr(metric, "__name__"):
                raise TypeError(f"`metrics` must be functions such as metrics.accuracy; got {metric!r}")
        self.backend = model.backend
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.regularizers = tuple(regularizers)
        self.metrics = tuple(metrics)
        self.history: History | None = None
        self.epoch = 0
        self.step = 0

    def fit(
        self,
        train: Dataset,
        epochs: int,
        val_data: Dataset | None = None,
        val_epochs: int = 1,
        val_steps: int = 0,
        val_batches: int = 0,
        listeners: Sequence[Listener] = (),
    ) -> History:
        """Train for a number of epochs more, or until a listener stops it.

        Parameters
        ----------
        train
            What to train on.
        epochs
            How many, at least 1. Their numbers, which the shuffling depends on, go on from the last ``fit``.
        val_data
            What to validate on; without it an entry of the history is made after each epoch.
        val_epochs
            Validate after every so many epochs, and after the last one.
        val_steps
            If not 0, validate after every so many steps instead, and at the end.
        val_batches
            If not 0, only the first so many batches of ``val_data`` are used.
        listeners
            Called with an :class:`~cutedl_xp.listeners.Event` at the start and end of each epoch and validation.

        Returns
        -------
        History
            Also ``session.history``, from the start on.

        Raises
        ------
        TypeError, ValueError
            If data, labels and model do not fit, before any step is made.
        KeyboardInterrupt
            After Ctrl-C, once the current step is done: ``session.history`` holds what was recorded.

        A loss that is not finite any more ends the training with a warning.
        """
        integer("epochs", epochs, at_least=1)
        schedule = _Schedule(
            integer("val_epochs", val_epochs, at_least=1),
            integer("val_steps", val_steps, at_least=0),
            last_epoch=self.epoch + epochs - 1,
        )
        val_batches = integer("val_batches", val_batches, at_least=0)
        _listeners.check(listeners)
        self._check_data("train", train)
        if val_data is not None:
            self._check_data("val_data", val_data)
            self._evaluate(val_data, batches=1)
        names = [getattr(metric, "__name__", "") for metric in self.metrics]
        self.history = History(names, validated=val_data is not None)
        run = _Run(self, self.history, val_data, val_batches, listeners, schedule.last_epoch, len(train))
        self._train(train, run, schedule)
        return self.history

    def _train(self, train: Dataset, run: "_Run", schedule: "_Schedule") -> None:
        """The training loop."""
        history = run.history
        with deferred_interrupt() as interrupt:
            for epoch in range(self.epoch, schedule.last_epoch + 1):
                run.tell("epoch_start")
                for x, y in self._batches(train, epoch):
                    if history.stop_reason is not None:
                        break
                    run.add(self._train_step(x, y))
                    self.step += 1
                    if interrupt.requested:
                        history.stop_reason = "interrupted"
                    elif schedule.after_step(self.step):
                        run.record()
                else:
                    if history.stop_reason is None and schedule.after_epoch(epoch, run):
                        run.record()
                    run.tell("epoch_end")
                self.epoch = epoch + 1
                if history.stop_reason is not None:
                    break
        if history.stop_reason is None:
            history.stop_reason = "all epochs done"
        if interrupt.requested:
            raise KeyboardInterrupt

    def _train_step(self, x: Array, y: Array) -> Array:
        """One update from one batch; the loss stays on the device."""
        output, backward = self.model.forward(x, training=True)
        value, gradient = self.loss(y, output)
        backward(gradient)
        for regularizer in self.regularizers:
            regularizer(self.model.parameters)
        self.optimizer.step(self.model.parameters)
        return value

    def evaluate(self, data: Dataset, batches: int = 0) -> dict[str, float]:
        """The mean loss and metrics over a data set, without training.

        Parameters
        ----------
        data
            What to evaluate on.
        batches
            If not 0, only the first so many batches are used.

        Returns
        -------
        dict
            ``"loss"`` and each metric by its name.
        """
        self._check_data("data", data)
        return self._evaluate(data, integer("batches", batches, at_least=0))

    def _evaluate(self, data: Dataset, batches: int) -> dict[str, float]:
        names = ["loss", *(getattr(metric, "__name__", "") for metric in self.metrics)]
        return dict(zip(names, self._read(*self._means(data, batches)), strict=True))

    def _means(self, data: Dataset, batches: int) -> list[Array]:
        """The mean loss and metrics as 0-d arrays on the device."""
        totals: list[Any] = [0.0] * (1 + len(self.metrics))
        count = 0
        for x, y in islice(self._batches(data, 0), batches or None):
            output, _ = self.model.forward(x, training=False)
            values = [self.loss(y, output)[0], *(metric(y, output) for metric in self.metrics)]
            totals = [total + value * x.shape[0] for total, value in zip(totals, values, strict=True)]
            count += x.shape[0]
        return [total / count for total in totals]

    def _read(self, *values: Array) -> list[float]:
        """0-d arrays as Python floats, in one copy from the device."""
        stacked = self.backend.xp.stack([self.backend.xp.asarray(value) for value in values])
        return [float(value) for value in self.backend.to_numpy(stacked)]

    def _batches(self, data: Dataset, epoch: int) -> Iterator[tuple[Array, Array]]:
        return data.batches(epoch, self.backend, self.model.dtype)

    def _check_data(self, argument: str, data: Dataset) -> None:
        """Refuse data that the model does not take and labels that the loss does not."""
        _check_type(argument, data, Dataset)
        try:
            output_shape = self.model.output_shape(data.sample_shape)
            self.loss.check_labels(data.labels_on(self.backend, self.model.dtype), output_shape or ())
        except (TypeError, ValueError) as error:
            raise type(error)(f"`{argument}` does not fit: {error}") from error


@dataclass(frozen=True)
class _Schedule:
    """When entries are made."""

    val_epochs: int
    val_steps: int
    last_epoch: int

    def after_step(self, step: int) -> bool:
        return self.val_steps > 0 and step % self.val_steps == 0

    def after_epoch(self, epoch: int, run: "_Run") -> bool:
        if epoch == self.last_epoch:
            return run.has_news
        return self.val_steps == 0 and (run.val_data is None or (epoch + 1) % self.val_epochs == 0)


@dataclass
class _Run:
    """One call of fit: what it has summed up since the last entry, and whom it tells."""

    session: Session
    history: History
    val_data: Dataset | None
    val_batches: int
    listeners: Sequence[Listener]
    last_epoch: int
    epoch_steps: int
    started: float = field(default_factory=time.perf_counter)
    loss_total: Any = 0.0
    loss_count: int = 0

    @property
    def has_news(self) -> bool:
        """Whether a step was made since the last entry."""
        return self.loss_count > 0

    def add(self, loss: Array) -> None:
        """Count one step's loss, on the device."""
        self.loss_total = self.loss_total + loss
        self.loss_count += 1

    def record(self) -> None:
        """Validate and make an entry; this is the one time that figures are copied from the device."""
        if self.val_data is not None:
            self.tell("val_start")
        means = [self.loss_total / self.loss_count]
        if self.val_data is not None:
            means += self.session._means(self.val_data, self.val_batches)
        loss, *rest = self.session._read(*means)
        self.loss_total, self.loss_count = 0.0, 0
        names = [getattr(metric, "__name__", "") for metric in self.session.metrics]
        self.history.append(
            steps=self.session.step,
            cost_time=time.perf_counter() - self.started,
            loss=loss,
            val_loss=rest[0] if rest else None,
            metrics=dict(zip(names, rest[1:], strict=True)) if rest else None,
        )
        self._stop_unless_finite("loss", loss)
        if rest:
            self._stop_unless_finite("val_loss", rest[0])
            self.tell("val_end")

    def tell(self, name: str) -> None:
        """Call the listeners with an event."""
        session = self.session
        event = Event(
            name, session, self.history, session.epoch, session.step, self.last_epoch, self.epoch_steps
        )
        for listener in self.listeners:
            listener(event)

    def _stop_unless_finite(self, name: str, value: float) -> None:
        if not math.isfinite(value) and self.history.stop_reason is None:
            self.history.stop_reason = f"{name} is {value} at step {self.session.step}"
            warnings.warn(
                f"the training stopped because {self.history.stop_reason}; a smaller learning rate may help",
                RuntimeWarning,
                stacklevel=5,
            )


def _check_type(argument: str, value: Any, wanted: type) -> None:
    if not isinstance(value, wanted):
        article = "an" if wanted.__name__[0] in "AEIO" else "a"
        raise TypeError(f"`{argument}` must be {article} {wanted.__name__}; got {value!r} ({type(value).__name__})")
