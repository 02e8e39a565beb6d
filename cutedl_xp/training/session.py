"""Session: a model with the parts of its training."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from cutedl_xp._familiar import OF_FIT, OF_RESUME, OF_SESSIONS, refuse_keywords
from cutedl_xp.training import events
from cutedl_xp.training.arguments import DataLike, make_plan
from cutedl_xp.training.events import Listener
from cutedl_xp.training.finiteness import check_before
from cutedl_xp.training.fit import Start
from cutedl_xp.training.history import History
from cutedl_xp.training.progress import with_progress
from cutedl_xp.training.trainer import Trainer


@refuse_keywords(OF_SESSIONS)
class Session(Trainer):
    """Model with the loss, the optimizer and the other parts of its training.

    Parameters
    ----------
    model
        Assembled model.
    loss
        Loss of :mod:`cutedl_xp.losses`, or a function ``loss(xp, y_true, y_pred)`` that returns the loss of a batch and
        its gradient, see :class:`~cutedl_xp.losses.FunctionLoss`.
    optimizer
        Optimizer of :mod:`cutedl_xp.optimizers`, not used for another model before.
    regularizers
        Penalties of :mod:`cutedl_xp.regularizers`, applied to the gradients in their order; default ``()``.
    metrics
        Objects of :mod:`cutedl_xp.metrics` such as ``Precision()``, computed over the whole data set, and functions
        such as :func:`cutedl_xp.metrics.accuracy`, averaged over batches; recorded at each validation. Default ``()``.
        Metrics that are arrays, such as ``ConfusionMatrix()``, are computed by :meth:`evaluate` alone.

    Attributes
    ----------
    history
        Record of the last ``fit``; None before the first.

    Raises
    ------
    TypeError, RuntimeError
        If an argument has another type, or the model is not assembled.

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

    @refuse_keywords(OF_FIT)
    def fit(
        self,
        train: DataLike,
        epochs: int,
        val_data: DataLike | None = None,
        val_epochs: int = 1,
        val_steps: int = 0,
        val_batches: int = 0,
        listeners: Sequence[Listener] = (),
        compiled: bool | None = None,
        verbose: bool | Literal[0, 1] | None = None,
        train_metrics: bool | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> History:
        """Train for a number of epochs, or until a listener stops the training.

        After a stop in the middle of an epoch, the next ``fit`` continues at the next batch: the rest of that epoch is
        its first epoch. Training data with another size, batch size, seed, shuffle, drop_remainder or steps_per_epoch
        restart the epoch. After the last epoch and the last entry of the history, ``Accumulate`` applies the remaining
        gradients.

        Parameters
        ----------
        train
            Training data: a Dataset, ``Dataset.from_batches``, or a tuple ``(x, y)`` or ``(x, y, sample_weight)`` of
            arrays, lists, or pandas DataFrames and Series, in batches of 64 samples. ``model.scale`` is set to the
            scale of a Dataset, unless that is None; samples of integers in a tuple are multiplied by it.
        epochs
            Number of further epochs, at least 1. The epoch number, which determines the shuffling, continues over all
            calls.
        val_data
            Validation data, as for ``train``; default None, where an entry of the history is recorded for each epoch.
        val_epochs
            Number of epochs between two validations, at least 1, default 1; the last epoch is always validated.
        val_steps
            Number of steps between two validations, instead of ``val_epochs``; default 0 for ``val_epochs``. The
            end of the training is validated too.
        val_batches
            Number of first batches of ``val_data`` to use; default 0 for all batches.
        listeners
            Callables that are called with an :class:`~cutedl_xp.listeners.Event` at the start and end of each epoch and
            validation. This session keeps the memory of a listener that has ``state_dict`` and ``load_state_dict``,
            under the name of its class and its position among the listeners of that class. The memory of a listener
            that has stopped a training is reset.
        compiled
            Whether the backend compiles the steps and runs many of them in one call. The default None compiles where
            the backend can and every layer, loss and optimizer has ``compilable = True``. True raises ValueError where
            this is impossible; False runs the plain loop. :attr:`compiled` gives the outcome and the reason.
        verbose
            Whether a :class:`~cutedl_xp.listeners.Progress` shows the training. The default None shows it in terminals
            and notebooks if tqdm is installed. True requires tqdm. 0 and 1 mean False and True.
        train_metrics
            Whether each entry also has the metrics over the training data, such as ``history.train_accuracy``, which
            requires a pass over these data with the parameters of the entry and without dropout. The default None does
            so only without ``val_data``, and not with weights of samples or classes if a metric is a function. True
            requires a metric that is a number.
        class_weight
            Weight of each class, such as ``{0: 1.0, 1: 5.0}``, which multiplies the weights of its samples in the
            training loss; default None. Other classes have the weight 1.

        Returns
        -------
        History
            Record of this training, which is ``session.history`` from the start.

        Raises
        ------
        TypeError, ValueError
            If data, labels and model do not fit, or a parameter is NaN or infinite, before any step is made.
        KeyboardInterrupt
            After Ctrl-C, once the current step or the chunks in flight are done: ``session.history`` has the entries so
            far.

        Warns
        -----
        RuntimeWarning
            If a loss, a parameter or an array of the optimizer is NaN or infinite at an entry, which ends the training.
            The warning names the first step with such a loss, the first such parameter, and the likely cause. With
            ``SkipNonFinite`` the training loss may be NaN or infinite.
        """
        self._memory.check_idle()
        with self.backend.active(), self.backend.ignore_underflow():
            train, val_data = self._prepare(train, val_data, class_weight)
            plan = make_plan(self.epoch, train, val_data, epochs, val_epochs, val_steps, val_batches)
            plan = replace(plan, train_metrics=self._decide_train_metrics(train_metrics, train, val_data))
            events.check(listeners, self)
            listeners = with_progress(listeners, verbose)
            check_before(self.model)
            return self._train(train, plan, listeners, compiled, Start(self.step), None)

    @refuse_keywords(OF_RESUME)
    def resume(
        self,
        train: DataLike,
        val_data: DataLike | None = None,
        listeners: Sequence[Listener] = (),
        verbose: bool | Literal[0, 1] | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> History:
        """Finish an interrupted ``fit``, from the next step on.

        The number of epochs, the plan of the validations, the history and the memory of the listeners come from the
        interrupted ``fit`` of this session or of the loaded checkpoint. On the same backend the training ends with the
        same bits as an uninterrupted one, on another backend with the same numbers up to rounding.

        Parameters
        ----------
        train, val_data
            The same data as before. A Dataset is compared by shapes, dtypes, options and a digest of some rows; batches
            of a function are compared by shapes and options alone.
        listeners
            The same listeners with a memory as before, in the same order. Listeners without a memory, such as
            Checkpoint and Progress, may differ.
        verbose
            Whether a Progress shows the training, as in :meth:`fit`.
        class_weight
            The same weights of classes as before.

        Returns
        -------
        History
            History of the whole training; immediately if the training was complete.

        Raises
        ------
        RuntimeError
            If there is no ``fit`` to resume.
        TypeError, ValueError
            If the data or the listeners differ; the message names the difference.
        """
        self._memory.check_idle()
        record = self._record
        if record is None:
            raise RuntimeError("this session has no fit to resume; call fit(), or load a checkpoint of a training")
        if record.finished:
            return record.history
        with self.backend.active(), self.backend.ignore_underflow():
            train, val_data = self._prepare(train, val_data, class_weight)
            events.check(listeners, self)
            record.check(train, val_data, listeners)
            listeners = with_progress(listeners, verbose)
            possible = record.compiled is False or self.backend.why_not_compiled() is None
            compiled = record.compiled if possible else None
            return self._train(train, record.plan(train, val_data), listeners, compiled, record.start, record.history)
