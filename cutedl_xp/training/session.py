"""Training: the loop that brings model, data, loss and optimizer together."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from cutedl_xp._checks import check_integer, check_sequence
from cutedl_xp.backends import Backend
from cutedl_xp.datasets import Dataset
from cutedl_xp.losses import Loss
from cutedl_xp.metrics import Metric
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer
from cutedl_xp.training import events, state
from cutedl_xp.training.arguments import check_data, check_type, make_plan
from cutedl_xp.training.compilation import Compilation, decide
from cutedl_xp.training.compiled_evaluation import CompiledEvaluation
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.events import Listener
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.history import History
from cutedl_xp.training.listener_memory import ListenerMemory
from cutedl_xp.training.log import TrainingLog
from cutedl_xp.training.loop import run_epochs
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.plan import ValidationPlan
from cutedl_xp.training.position import Position
from cutedl_xp.training.programs import Programs
from cutedl_xp.training.steps import SessionSteps
from cutedl_xp.training.stopping import Stopping


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
        Record of the last ``fit``; None before the first.

    Raises
    ------
    TypeError, RuntimeError
        If an argument is of another type, or the model is not assembled.

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
        check_type("model", model, Model)
        check_type("loss", loss, Loss)
        check_type("optimizer", optimizer, Optimizer)
        names = [parameter.name for parameter in model.parameters]
        self.regularizers: tuple[Regularizer, ...] = check_sequence("regularizers", regularizers)
        for regularizer in self.regularizers:
            check_type("regularizers", regularizer, Regularizer)
            regularizer.check_names(names)
        self._evaluation = Evaluation(model, loss, check_sequence("metrics", metrics))
        self._programs = Programs()
        self._compiled_evaluation = CompiledEvaluation(self._evaluation, self._programs)
        self.model = model
        self.optimizer = optimizer
        self.history: History | None = None
        self._position = Position()
        self._losses = RunningMean(model.backend, model.dtype)
        self._memory = ListenerMemory()
        self._compilation: Compilation | None = None

    @property
    def compiled(self) -> Compilation:
        """Whether ``fit`` compiles the training steps, with its ``reason``; the outcome of the last ``fit`` if any."""
        if self._compilation is None:
            return decide(self.model, self.loss, self.optimizer)
        return self._compilation

    def _note_compilation(self, compilation: Compilation) -> None:
        self._compilation = compilation

    @property
    def _evaluator(self) -> Evaluation | CompiledEvaluation:
        compiled = self.backend.compiles_steps and self.compiled
        return self._compiled_evaluation if compiled else self._evaluation

    @property
    def epoch(self) -> int:
        """Number of finished epochs, over all calls of ``fit``."""
        return self._position.epoch

    @property
    def step(self) -> int:
        """Number of training steps, over all calls of ``fit``."""
        return self._position.step

    @property
    def loss(self) -> Loss:
        """Loss of the training and the validation."""
        return self._evaluation.loss

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics of the validation."""
        return self._evaluation.metrics

    @property
    def backend(self) -> Backend:
        """Backend of the model."""
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
        compiled: bool | None = None,
    ) -> History:
        """Train for a number of epochs more, or until a listener stops the training.

        After a stop in the middle of an epoch, the next ``fit`` goes on at the next batch: the rest of that epoch is
        its first epoch. Training data of another size, batch size, seed, shuffle or drop_remainder start it anew.
        When all epochs are done, after the last entry of the history, ``Accumulate`` applies the gradients that are
        left.

        Parameters
        ----------
        train
            Training data.
        epochs
            Number of epochs, at least 1. The epoch number, which decides the shuffling, goes on from the last ``fit``.
        val_data
            Validation data; default None, where an entry of the history is made after each epoch.
        val_epochs
            Validate after every ``val_epochs`` epochs, and after the last one; default 1, at least 1.
        val_steps
            Validate after every ``val_steps`` steps instead, and at the end; default 0, after epochs.
        val_batches
            Number of batches of ``val_data`` to use, the first ones; default 0, all.
        listeners
            Called with an :class:`~cutedl_xp.listeners.Event` at the start and end of each epoch and validation. The
            memory of a listener that has ``state_dict`` and ``load_state_dict`` is kept by this session, under the
            name of its class and its position among the listeners of that class. A listener that has stopped a
            training starts anew.
        compiled
            Whether the backend compiles the steps and runs many of them in one call. Default None: where it can and
            every layer, loss and optimizer says ``compilable = True``. True raises ValueError where it cannot; False
            runs the plain loop. :attr:`compiled` gives the outcome and the reason.

        Returns
        -------
        History
            Also ``session.history``, from the start on.

        Raises
        ------
        TypeError, ValueError
            If data, labels and model do not fit, before any step is made.
        KeyboardInterrupt
            After Ctrl-C, once the current step or the chunks in flight are done: ``session.history`` holds what was
            recorded.

        Warns
        -----
        RuntimeWarning
            If a loss, a parameter or an array of the optimizer is NaN or infinite at an entry, which ends the training.
            The warning names the first step with such a loss, the first such parameter, and the likely cause. With
            ``SkipNonFinite`` the training loss may be NaN or infinite.
        """
        self._memory.check_idle()
        with self.backend.active(), self.backend.ignore_underflow():
            check_data("train", train, self.model, self.loss)
            if val_data is not None:
                check_data("val_data", val_data, self.model, self.loss)
                self._compiled_evaluation.check_first_batch(self._evaluation.means(val_data, batches=1))
            plan = make_plan(self.epoch, train, val_data, epochs, val_epochs, val_steps, val_batches)
            events.check(listeners)
            self._compilation = decide(self.model, self.loss, self.optimizer, train, compiled)
            self.optimizer.attach(self.model.parameters)
            with self._memory.lent_to(listeners):
                fit = self._begin(train, plan)
                log = TrainingLog(fit)
                longest, insist = log.most_steps, compiled is True
                steps = SessionSteps(fit, self._compilation, self._note_compilation, insist=insist, longest=longest)
                run_epochs(fit, steps, log)
        for warning in filter(None, (steps.warning, log.warning)):
            warnings.warn(warning, RuntimeWarning, stacklevel=2)
        return fit.history

    def _begin(self, train: Dataset, plan: ValidationPlan) -> Fit:
        """Return the parts of a training with a new history."""
        if not self._position.begin(train):
            self._losses = RunningMean(self.backend, self.model.dtype)
        rates = tuple(self.optimizer.learning_rates())
        groups = None if rates == ("",) else rates
        self.history = History(self._evaluation.names[1:], validated=plan.val_data is not None, groups=groups)
        return Fit(
            session=self,
            train=train,
            model=self.model,
            optimizer=self.optimizer,
            regularizers=self.regularizers,
            evaluation=self._evaluation,
            plan=plan,
            position=self._position,
            losses=self._losses,
            memory=self._memory,
            validate=self._evaluator.means,
            programs=self._programs,
            history=self.history,
            stopping=Stopping(self.history),
        )

    def evaluate(self, data: Dataset, batches: int = 0) -> dict[str, float]:
        """Return a dict of the mean ``"loss"`` and metrics over a data set, without training.

        Parameters
        ----------
        data
            Data set to evaluate on.
        batches
            Number of batches to use, the first ones; default 0, all.
        """
        with self.backend.active():
            check_data("data", data, self.model, self.loss)
            means = self._evaluator.means(data, check_integer("batches", batches, at_least=0))
            return dict(zip(self._evaluation.names, RunningMean.read(means), strict=True))

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the rest of a training depends on, as nested dicts of plain values and NumPy arrays.

        The state holds the parameters, the optimizer with its learning rates that are numbers, the random streams of
        layers, the position in the training data and the memory of listeners. A session of the same model, optimizer
        and loss continues from it as if nothing had happened, also on another backend, there to rounding. A listener
        may take it in the middle of a training, at ``"step_end"`` or ``"epoch_end"``, as the last of the listeners: a
        validation that has begun is not part of the state, nor is the memory of listeners that are called later.

        Examples
        --------
        >>> import numpy as np
        >>> import cutedl_xp as cdl
        >>> x = np.ones((4, 1), dtype="float32")
        >>> def new():
        ...     model = cdl.Model([cdl.layers.Dense(1, input_dim=1)]).assemble("numpy")
        ...     return cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Adam())
        >>> first, second = new(), new()
        >>> history = first.fit(cdl.Dataset(x, x), epochs=3)
        >>> second.load_state_dict(first.state_dict())
        >>> second.epoch, second.evaluate(cdl.Dataset(x, x)) == first.evaluate(cdl.Dataset(x, x))
        (3, True)
        """
        return state.state_dict(self.model, self.optimizer, self._position, self._losses, self._memory)

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Take over the state of a session with the same layers, dtype and classes of optimizers.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If it is not such a state, or a ``fit`` of this session is running; then nothing is changed.
        """
        self._memory.check_idle()
        state.load_state_dict(d, self.model, self.optimizer, self._position, self._losses, self._memory)
