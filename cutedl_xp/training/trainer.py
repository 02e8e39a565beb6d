"""Preparation, run and record of one training of a session."""

import warnings
from collections.abc import Mapping, Sequence

from cutedl_xp._checks import check_boolean
from cutedl_xp.datasets import Data
from cutedl_xp.training.arguments import DataLike, as_dataset, check_batches, check_data
from cutedl_xp.training.class_weights import with_class_weight
from cutedl_xp.training.compilation import Compilation, decide
from cutedl_xp.training.events import Listener
from cutedl_xp.training.fit import Fit, Start
from cutedl_xp.training.gradient_norm import GradientNorm, wants_gradient_norm
from cutedl_xp.training.history import History, continue_history
from cutedl_xp.training.log import TrainingLog
from cutedl_xp.training.loop import run_epochs
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.persistence import Persistent
from cutedl_xp.training.plan import ValidationPlan
from cutedl_xp.training.steps import SessionSteps
from cutedl_xp.training.stopping import Stopping


class Trainer(Persistent):
    """Trainable with a training according to a plan; :class:`Session` makes the plan from the arguments of ``fit``.

    Parameters
    ----------
    model, loss, optimizer, regularizers, metrics
        As for :class:`Session`.
    """

    def _prepare(
        self, train: DataLike, val_data: DataLike | None, class_weight: Mapping[int, float] | None
    ) -> tuple[Data, Data | None]:
        """Return training and validation data that fit the model, the training data with the weights of classes."""
        train = as_dataset("train", train, self.model.scale)
        train = check_data("train", train, self.model, self.loss)
        train = check_batches(train, self.model)
        if val_data is not None:
            val_data = as_dataset("val_data", val_data, self.model.scale if train.scale is None else train.scale)
            val_data = check_data("val_data", val_data, self.model, self.loss)
            self._check_metrics(val_data)
        return with_class_weight(train, class_weight, self.model, self.loss), val_data

    def _decide_train_metrics(self, wanted: bool | None, train: Data, val_data: Data | None) -> bool:
        """Return whether a training records metrics over the training data; raise if this is wanted but impossible."""
        recorded = bool(self._recording.recorded)
        if wanted is None:
            wanted = recorded and val_data is None and self._recording.can_weigh(train)
        if check_boolean("train_metrics", wanted):
            if not recorded:
                raise ValueError(
                    "`train_metrics` is True, but the session has no metric that `fit` records; give Session `metrics` "
                    "that are numbers"
                )
            self._check_metrics(train)
        return wanted

    def _check_metrics(self, data: Data) -> None:
        """Raise if the recorded metrics do not accept the data, and check whether they can be compiled."""
        self._recording.check_weights(data)
        self._compiled_recording.check_first_batch(self._recording.means(data, batches=1))

    def _train(
        self,
        train: Data,
        plan: ValidationPlan,
        listeners: Sequence[Listener],
        compiled: bool | None,
        start: Start,
        history: History | None,
    ) -> History:
        """Train according to a plan, with a new history or the history of a resumed training."""
        self._compilation = decide(self.model, self.loss, self.optimizer, train, compiled)
        self.optimizer.attach(self.model.parameters)
        if train.scale is not None:
            self.model.scale = train.scale
        with self._memory.lent_to(listeners):
            fit = self._begin(train, plan, start, history)
            log = TrainingLog(fit)
            longest, insist = log.most_steps, compiled is True
            steps = SessionSteps(fit, self._compilation, self._note_compilation, insist=insist, longest=longest)
            with self._recorded(fit, log, compiled):
                run_epochs(fit, steps, log)
        for warning in filter(None, (steps.warning, log.warning)):
            warnings.warn(warning, RuntimeWarning, stacklevel=4)
        return fit.history

    def _note_compilation(self, compilation: Compilation) -> None:
        self._compilation = compilation

    def _begin(self, train: Data, plan: ValidationPlan, start: Start, history: History | None) -> Fit:
        """Return the parts of a training, with a new history if none is given."""
        if not self._position.begin(train):
            self._losses = RunningMean(self.backend, self.model.dtype)
        if history is None:
            rates = tuple(self.optimizer.learning_rates())
            groups = None if rates == ("",) else rates
            recorded, validated = self._recording.recorded, plan.val_data is not None
            on_train = recorded if plan.train_metrics else ()
            history = History(recorded, validated=validated, groups=groups, train_metrics=on_train)
        else:
            continue_history(history)
        self.history, stopping = history, Stopping(history)
        if start.stop_reason is not None:
            stopping.stop("listener", start.stop_reason)
        return Fit(
            session=self,
            train=train,
            model=self.model,
            optimizer=self.optimizer,
            regularizers=self.regularizers,
            evaluation=self._recording,
            plan=plan,
            position=self._position,
            losses=self._losses,
            memory=self._memory,
            start=start,
            validate=(self._compiled_recording if self._evaluates_compiled else self._recording).means,
            programs=self._programs,
            history=history,
            stopping=stopping,
            gradient_norm=GradientNorm() if wants_gradient_norm(self._memory.listeners) else None,
        )
