"""Training: the one loop that brings model, data, loss and optimizer together."""

from collections.abc import Sequence
from typing import Any

from cutedl_xp._checks import check_integer, check_sequence, format_value
from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend
from cutedl_xp.datasets import Dataset
from cutedl_xp.losses import Loss
from cutedl_xp.metrics import Metric
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer
from cutedl_xp.training import events
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.events import Listener
from cutedl_xp.training.history import History
from cutedl_xp.training.interrupts import deferred_interrupt
from cutedl_xp.training.recorder import FitPlan, Recorder


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
        names = [parameter.name for parameter in model.parameters]
        self.regularizers: tuple[Regularizer, ...] = check_sequence("regularizers", regularizers)
        for regularizer in self.regularizers:
            _check_type("regularizers", regularizer, Regularizer)
            regularizer.check_names(names)
        self._evaluation = Evaluation(model, loss, check_sequence("metrics", metrics))
        self.model = model
        self.optimizer = optimizer
        self.history: History | None = None
        self.epoch = 0
        self.step = 0

    @property
    def loss(self) -> Loss:
        """What the model is trained and validated with."""
        return self._evaluation.loss

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What else a validation reports."""
        return self._evaluation.metrics

    @property
    def backend(self) -> Backend:
        """Where the model computes."""
        return self.model.backend

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

        Notes
        -----
        A loss that is not finite any more ends the training with a warning.
        """
        self._check_data("train", train)
        if val_data is not None:
            self._check_data("val_data", val_data)
            self._evaluation.means(val_data, batches=1)
        plan = FitPlan(
            last_epoch=self.epoch + check_integer("epochs", epochs, at_least=1) - 1,
            epoch_steps=len(train),
            val_data=val_data,
            val_epochs=check_integer("val_epochs", val_epochs, at_least=1),
            val_steps=check_integer("val_steps", val_steps, at_least=0),
            val_batches=check_integer("val_batches", val_batches, at_least=0),
        )
        events.check(listeners)
        self.optimizer.attach(self.model.parameters)
        self.history = History(self._evaluation.names[1:], validated=val_data is not None)
        self._train(train, plan, Recorder(self, self.history, self._evaluation, plan, listeners))
        return self.history

    def _train(self, train: Dataset, plan: FitPlan, recorder: Recorder) -> None:
        """The training loop."""
        history = recorder.history
        quiet = self.backend.ignore_underflow()
        with quiet, recorder.failures_noted(), deferred_interrupt(recorder.stop) as interrupt:
            for epoch in range(self.epoch, plan.last_epoch + 1):
                recorder.tell("epoch_start")
                for x, y in train.batches(epoch, self.backend, self.model.dtype):
                    if history.stop_reason is not None:
                        break
                    recorder.add(self._train_step(x, y))
                    self.step += 1
                    if plan.entry_after_step(self.step):
                        recorder.record()
                if plan.entry_after_epoch(epoch, recorder.has_news):
                    recorder.record()
                recorder.tell("epoch_end")
                self.epoch = epoch + 1
                if history.stop_reason is not None:
                    break
        history.stop_reason = history.stop_reason or "all epochs done"
        if interrupt.requested:
            raise KeyboardInterrupt

    def _train_step(self, x: Array, y: Array) -> Array:
        """One update from one batch; the loss stays on the device."""
        output, backward = self.model.forward(x, training=True)
        self.loss.check_shape(tuple(y.shape), tuple(output.shape))
        value, gradient = self.loss.value_and_gradient(self.backend, y, output)
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
        means = self._evaluation.means(data, check_integer("batches", batches, at_least=0))
        return dict(zip(self._evaluation.names, self._evaluation.read(means), strict=True))

    def _check_data(self, argument: str, data: Dataset) -> None:
        """Refuse data that the model does not take and labels that the loss does not."""
        _check_type(argument, data, Dataset)
        try:
            output_shape = self.model.output_shape(data.sample_shape)
            self.loss.check_labels(data.labels_on(self.backend, self.model.dtype), output_shape or ())
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError  # libraries have kinds of their own
            raise kind(f"`{argument}` does not fit: {error}") from error


def _check_type(argument: str, value: Any, wanted: type) -> None:
    if not isinstance(value, wanted):
        article = "an" if wanted.__name__[0] in "AEIO" else "a"
        raise TypeError(f"`{argument}` must be {article} {wanted.__name__}; got {format_value(value)}")
