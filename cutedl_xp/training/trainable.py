"""Evaluation and state of a model with a loss and an optimizer, without the training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cutedl_xp import losses, optimizers
from cutedl_xp import regularizers as penalties
from cutedl_xp._checks import check_integer, check_sequence
from cutedl_xp._familiar import OF_EVALUATE, OF_TRAININGS, find_attribute, refuse_keywords
from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend
from cutedl_xp.losses import Loss, predict_classes, predict_proba
from cutedl_xp.losses.function_loss import LossFunction, as_loss
from cutedl_xp.metrics import Metric, MetricFunction
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer
from cutedl_xp.training import state
from cutedl_xp.training.arguments import DataLike, as_dataset, check_data, check_type, warn_of_default_relu
from cutedl_xp.training.compilation import Compilation, decide
from cutedl_xp.training.compiled_evaluation import CompiledEvaluation
from cutedl_xp.training.evaluation import Evaluation
from cutedl_xp.training.listener_memory import ListenerMemory
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.position import Position
from cutedl_xp.training.programs import Programs
from cutedl_xp.training.tally import read_figures


class Trainable:
    """Parts of a session, and the state that a training changes; :class:`Session` adds the training.

    Parameters
    ----------
    model, loss, optimizer, regularizers, metrics
        As for :class:`Session`.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss | LossFunction,
        optimizer: Optimizer,
        regularizers: Sequence[Regularizer] = (),
        metrics: Sequence[Metric | MetricFunction] = (),
    ) -> None:
        check_type("model", model, Model)
        own_loss: Loss = as_loss(loss)
        check_type("loss", own_loss, Loss, losses)
        check_type("optimizer", optimizer, Optimizer, optimizers)
        names = [parameter.name for parameter in model.parameters]
        self.regularizers: tuple[Regularizer, ...] = check_sequence("regularizers", regularizers)
        for regularizer in self.regularizers:
            check_type("regularizers", regularizer, Regularizer, penalties)
            regularizer.check_names(names)
        self._evaluation = Evaluation(model, own_loss, check_sequence("metrics", metrics))
        warn_of_default_relu(model, own_loss)
        self._programs = Programs()
        self._compiled_evaluation = CompiledEvaluation(self._evaluation, self._programs)
        self._recording, self._compiled_recording = self._evaluation, self._compiled_evaluation
        if len(self._evaluation.recorded) < len(self._evaluation.metrics):  # a training computes no others
            self._recording = self._evaluation.without_arrays()
            self._compiled_recording = CompiledEvaluation(self._recording, self._programs)
        self.model = model
        self.optimizer = optimizer
        self._position = Position()
        self._losses = RunningMean(model.backend, model.dtype)
        self._memory = ListenerMemory()
        self._compilation: Compilation | None = None

    if not TYPE_CHECKING:  # a type checker would accept any attribute

        def __getattr__(self, name: str) -> Any:
            return find_attribute(self, name, OF_TRAININGS)

    @property
    def compiled(self) -> Compilation:
        """Decision whether ``fit`` compiles the training steps, with a ``reason``.

        After a ``fit``, this is the decision of the last one, which may have ended in the plain loop.
        """
        if self._compilation is None:
            return decide(self.model, self.loss, self.optimizer)
        return self._compilation

    @property
    def _evaluates_compiled(self) -> bool:
        return self.backend.compiles_steps and bool(self.compiled)

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
    def metrics(self) -> tuple[Metric | MetricFunction, ...]:
        """Metrics of the validation."""
        return self._evaluation.metrics

    @property
    def backend(self) -> Backend:
        """Backend of the model."""
        return self.model.backend

    @refuse_keywords(OF_EVALUATE)
    def evaluate(self, data: DataLike, batches: int = 0) -> dict[str, Any]:
        """Return a dict of the mean ``"loss"`` and metrics over a data set, without training.

        The values are floats, and NumPy arrays for metrics such as ``ConfusionMatrix()``.

        Parameters
        ----------
        data
            Data to evaluate on, of a type that ``fit`` accepts.
        batches
            Number of first batches to use; default 0 for all batches.
        """
        with self.backend.active():
            data = as_dataset("data", data, self.model.scale)
            data = check_data("data", data, self.model, self.loss)
            self._evaluation.check_weights(data)
            evaluator = self._compiled_evaluation if self._evaluates_compiled else self._evaluation
            means = evaluator.means(data, check_integer("batches", batches, at_least=0))
            return dict(zip(self._evaluation.names, read_figures(means), strict=True))

    def predict_proba(self, x: Any, batch_size: int | None = None) -> Array:
        """Return the probabilities of classes for samples; see :func:`cutedl_xp.losses.predict_proba`.

        Parameters
        ----------
        x, batch_size
            Samples, and number of samples to compute at once, as for ``Model.predict``.
        """
        with self.backend.active():
            return predict_proba(self.model.predict(x, batch_size), self.loss)

    def predict_classes(self, x: Any, batch_size: int | None = None) -> Array:
        """Return the predicted classes of samples; see :func:`cutedl_xp.losses.predict_classes`.

        Parameters
        ----------
        x, batch_size
            Samples, and number of samples to compute at once, as for ``Model.predict``.
        """
        with self.backend.active():
            return predict_classes(self.model.predict(x, batch_size), self.loss)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the rest of a training depends on, as nested dicts of plain values and NumPy arrays.

        The state holds the parameters and buffers, the optimizer with its learning rates that are numbers, the random
        streams of layers, the position in the training data and the memory of listeners, but not ``model.scale``. A
        session of the same model, optimizer and loss continues from the state with the same bits, and on another
        backend with the same numbers up to rounding. A listener may read the state in the middle of a training, at
        ``"step_end"`` or ``"epoch_end"``, as the last of the listeners: the state includes no unfinished validation,
        and no changes of the memory of listeners that are called later.

        Examples
        --------
        >>> import numpy as np
        >>> import cutedl_xp as cdl
        >>> x = np.ones((4, 1), dtype="float32")
        >>> def new():
        ...     model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
        ...     return cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Adam())
        >>> first, second = new(), new()
        >>> history = first.fit(cdl.Dataset(x, x), epochs=3)
        >>> second.load_state_dict(first.state_dict())
        >>> second.epoch, second.evaluate(cdl.Dataset(x, x)) == first.evaluate(cdl.Dataset(x, x))
        (3, True)
        """
        self._memory.check_thread()
        return state.state_dict(self.model, self.optimizer, self._position, self._losses, self._memory)

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Replace the state of this session by ``d``, the state of a session with the same layers and optimizers.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If ``d`` is no such state, or a ``fit`` of this session is running; then nothing is changed.
        """
        self._memory.check_idle()
        state.load_state_dict(d, self.model, self.optimizer, self._position, self._losses, self._memory)
