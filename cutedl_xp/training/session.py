"""The session: a model together with what trains it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cutedl_xp._familiar import OF_FIT, OF_SESSIONS, refuse_keywords
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
    """A model together with what trains it.

    Parameters
    ----------
    model
        An assembled model.
    loss
        One of :mod:`cutedl_xp.losses`, or a function ``loss(xp, y_true, y_pred)`` that returns the loss of a batch and
        its gradient, see :class:`~cutedl_xp.losses.FunctionLoss`.
    optimizer
        One of :mod:`cutedl_xp.optimizers`, not used for another model before.
    regularizers
        Of :mod:`cutedl_xp.regularizers`; applied to the gradients in their order.
    metrics
        Objects of :mod:`cutedl_xp.metrics` such as ``Precision()``, computed over the whole data set, and functions
        such as :func:`cutedl_xp.metrics.accuracy`, averaged over batches; recorded at each validation. Metrics that
        are arrays, such as ``ConfusionMatrix()``, are computed by :meth:`evaluate` alone.

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
        verbose: bool | None = None,
        train_metrics: bool | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> History:
        """Train for a number of epochs more, or until a listener stops the training.

        After a stop in the middle of an epoch, the next ``fit`` goes on at the next batch: the rest of that epoch is
        its first epoch. Training data of another size, batch size, seed, shuffle, drop_remainder or steps_per_epoch
        start it anew.
        When all epochs are done, after the last entry of the history, ``Accumulate`` applies the gradients that are
        left.

        Parameters
        ----------
        train
            Training data: a Dataset, ``Dataset.from_batches``, or a tuple ``(x, y)`` or ``(x, y, sample_weight)`` of
            arrays, lists, or pandas DataFrames and Series, in batches of 64 samples. ``model.scale`` is set to the
            scale of a Dataset, unless that is None; samples of integers in a tuple are multiplied by it.
        epochs
            Number of epochs, at least 1. The epoch number, which decides the shuffling, goes on from the last ``fit``.
        val_data
            Validation data, as for ``train``; default None, where an entry of the history is made after each epoch.
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
        verbose
            Whether a :class:`~cutedl_xp.listeners.Progress` shows the training. Default None: in a terminal and in
            notebooks, if tqdm is installed. True requires tqdm.
        train_metrics
            Whether each entry also holds the metrics over the training data, such as ``history.train_accuracy``, which
            costs a pass over that data. The parameters are those of the entry, and dropout is off. Default None: only
            without ``val_data``, and not with weights of samples or classes if a metric is a function. True requires
            a metric that is a number.
        class_weight
            Weight of each class, such as ``{0: 1.0, 1: 5.0}``, by which the samples of the class are multiplied in the
            training loss; default None, 1 each. Classes that are left out have the weight 1.

        Returns
        -------
        History
            Also ``session.history``, from the start on.

        Raises
        ------
        TypeError, ValueError
            If data, labels and model do not fit, or a parameter is NaN or infinite, before any step is made.
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
            train, val_data = self._prepare(train, val_data, class_weight)
            plan = make_plan(self.epoch, train, val_data, epochs, val_epochs, val_steps, val_batches)
            plan = replace(plan, train_metrics=self._decide_train_metrics(train_metrics, train, val_data))
            events.check(listeners, self)
            listeners = with_progress(listeners, verbose)
            check_before(self.model)
            return self._train(train, plan, listeners, compiled, Start(self.step), None)

    @refuse_keywords(OF_FIT)
    def resume(
        self,
        train: DataLike,
        val_data: DataLike | None = None,
        listeners: Sequence[Listener] = (),
        verbose: bool | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> History:
        """Finish a ``fit`` that was interrupted, from the very next step on.

        The number of epochs, the plan of the validations, the history and the memory of the listeners are those of the
        interrupted ``fit``, of this session or of a loaded one. On the same backend the training ends with the same
        bits as an undisturbed one, on another backend with the same numbers up to rounding.

        Parameters
        ----------
        train, val_data
            The same data as before, which are compared by their shapes, dtypes, options and a digest of some rows.
        listeners
            Those that have a memory must be the same as before, in the same order. Listeners without a memory, such as
            Checkpoint and Progress, may be others.
        verbose
            Whether a Progress shows the training, as in :meth:`fit`.
        class_weight
            The same weights of classes as before.

        Returns
        -------
        History
            The history of the whole training; at once if nothing is left of it.

        Raises
        ------
        RuntimeError
            If there is no ``fit`` to resume.
        TypeError, ValueError
            If the data or the listeners are others; the message names the difference.
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
