"""Training step as a pure function of arrays, which a backend can compile."""

from contextlib import ExitStack
from typing import Any

from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend
from cutedl_xp.datasets import Dataset
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.optimizers._compiled import update_arrays
from cutedl_xp.training.gradient_norm import norm_of_gradients
from cutedl_xp.training.means import add_to_sums
from cutedl_xp.training.step import TrainingStep


class StepProgram:
    """Function of one training step, from the arrays of a chunk to the new state.

    Parameters
    ----------
    model, step, optimizer
        Model to train, its training step, and its attached optimizer.
    scale
        Scale of the training data.
    """

    def __init__(self, model: Model, step: TrainingStep, optimizer: Optimizer, scale: float | None) -> None:
        self._model, self._step, self._optimizer, self._scale = model, step, optimizer, scale

    def __call__(self, state: Any, constants: Any, inputs: Any, k: Any) -> Any:
        """Return the state after step number ``k`` of the chunk.

        Parameters
        ----------
        state
            Dict of ``"values"`` and ``"gradients"`` (lists of runs), ``"buffers"`` (a list of arrays), ``"optimizer"``
            (the plain state), ``"sums"`` (of the losses) and ``"norms"`` (a list of the norm of the gradients, empty if
            no listener needs it).
        constants
            Dict of the whole arrays ``"data"``, ``"labels"`` and, if the data have weights, ``"weights"``.
        inputs
            Dict of ``"rows"`` (row numbers of each batch), ``"scalars"`` (tables of the optimizer), and ``"draws"``
            (for each random stream the numbers of each draw).
        k
            Number of the step in the chunk.
        """
        model, backend = self._model, self._model.backend
        x, y, weight = gather_batch(model, constants, inputs["rows"], k, self._scale)
        with ExitStack() as replaced:
            replaced.enter_context(model.parameters.holding(state["values"], state["gradients"]))
            replaced.enter_context(model.buffers.holding(state["buffers"]))
            for stream, numbers in zip(model.streams, inputs["draws"], strict=True):
                replaced.enter_context(stream.replayed([backend.row(array, k) for array in numbers]))
            loss = self._step.compute_gradients(x, y, weight)
            gradients = state["gradients"] if backend.has_views else [each.gradient for each in model.parameters]
            buffers = model.buffers.values
            norms = [norm_of_gradients(model) for _ in state["norms"]]
        values, optimizer_state = update_arrays(
            self._optimizer, state["values"], gradients, state["optimizer"], inputs["scalars"]
        )
        sums = add_to_sums(backend, state["sums"], loss, size_of(backend, x, weight))
        own = {"values": values, "gradients": gradients, "buffers": buffers}
        return own | {"optimizer": optimizer_state, "sums": list(sums), "norms": norms}


def size_of(backend: Backend, x: Array, weight: Array | None) -> Any:
    """Return the sum of the weights of a batch on the device, or the number of samples without weights.

    Parameters
    ----------
    backend
        Backend of the arrays.
    x, weight
        Samples and weights of the batch, None without weights.
    """
    return float(x.shape[0]) if weight is None else backend.sum(weight)


def gather_batch(
    model: Model, constants: Any, rows: Array, k: Any, scale: float | None
) -> tuple[Array, Array, Array | None]:
    """Return the samples, scaled and in the model's dtype, the labels and the weights of batch number ``k``.

    Parameters
    ----------
    model
        Model of the training.
    constants
        Dict of the whole arrays ``"data"``, ``"labels"`` and, if the data have weights, ``"weights"``.
    rows
        Row numbers of each batch, shape ``(batches, size)``.
    k
        Number of the batch.
    scale
        Scale of the data.
    """
    backend = model.backend
    own = backend.row(rows, k)
    x, y = (backend.xp.take(constants[name], own, axis=0) for name in ("data", "labels"))
    weight = backend.xp.take(constants["weights"], own, axis=0) if "weights" in constants else None
    return backend.convert(x, model.dtype, scale), y, weight


def whole_arrays(model: Model, data: Dataset) -> dict[str, Array]:
    """Return the constants of :func:`gather_batch` for ``data``, with the backend and dtype of ``model``."""
    samples, labels = data.arrays_on(model.backend, model.dtype)
    weights = data.weights_on(model.backend, model.dtype)
    return {"data": samples, "labels": labels} | ({} if weights is None else {"weights": weights})


def record_draws(model: Model, data: Dataset, size: int) -> list[list[Any]]:
    """Return the draws that the forward pass of a training step takes from each random stream.

    Parameters
    ----------
    model
        Model, whose streams and buffers stay unchanged.
    data
        Training data.
    size
        Number of samples in the batch.
    """
    backend = model.backend
    x = backend.xp.zeros((size, *data.sample_shape), dtype=model.dtype, device=backend.device)
    with ExitStack() as recording:
        draws = [recording.enter_context(stream.recorded()) for stream in model.streams]
        recording.enter_context(model.buffers.holding(model.buffers.values))
        model.forward(x, training=True)
    return draws
