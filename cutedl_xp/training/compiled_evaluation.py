"""Loss and metrics over a data set in chunks that a backend compiles."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array
from cutedl_xp.backends import NotCompilable, StepFunction, dtype_name
from cutedl_xp.datasets import Dataset
from cutedl_xp.training.chunk_inputs import row_numbers
from cutedl_xp.training.evaluation import Evaluation, EvaluationStopped, never
from cutedl_xp.training.means import SUMS, RunningMean
from cutedl_xp.training.pace import Pace
from cutedl_xp.training.program import gather_batch, size_of, whole_arrays
from cutedl_xp.training.programs import Programs, make_key, signature_of


class CompiledEvaluation:
    """The loss and the metrics of a model, computed by a compiled program where that is possible.

    Parameters
    ----------
    evaluation
        Loss and metrics.
    programs
        Compiled programs of the session.
    """

    def __init__(self, evaluation: Evaluation, programs: Programs) -> None:
        self._evaluation, self._programs = evaluation, programs
        self._buffer: Array | None = None
        self._possible, self._pace = True, Pace()

    def check_first_batch(self, means: Sequence[RunningMean]) -> None:
        """Leave validations to the plain loop if a metric returns numbers of the host, which no program computes."""
        self._possible = not any(mean.on_host for mean in means)

    def means(self, data: Dataset, batches: int = 0, stopped: Callable[[], bool] = never) -> list[RunningMean]:
        """Return what :meth:`Evaluation.means` returns."""
        if self._possible and type(data) is Dataset:
            try:
                return self._compute(data, batches, stopped)
            except NotCompilable:
                self._possible = False  # a metric of the user's own may read values
        return self._evaluation.means(data, batches, stopped)

    def _compute(self, data: Dataset, batches: int, stopped: Callable[[], bool]) -> list[RunningMean]:
        model = self._evaluation.model
        order = data.row_numbers(0)[: (batches or len(data)) * data.batch_size]
        means, state = [RunningMean(model.backend, model.dtype) for _ in self._evaluation.names], self._zeros()
        while len(order):
            begun = self._pace.before_chunk()
            if stopped():
                raise EvaluationStopped
            size = min(data.batch_size, len(order))
            count = min(len(order) // size, self._pace.length)
            state = self._run_chunk(data, order, size, count, state, begun)
            weight = None if data.sample_weight is None else data.weight_of(order[: count * size])
            order = order[count * size :]
            predicted = (count * size, *(model.output_shape(data.sample_shape) or ()))
            for mean, counted in zip(means, self._evaluation.sizes(predicted, weight), strict=True):
                mean.size += counted
        self._pace.pause()
        for mean, sums in zip(means, state, strict=True):
            mean.replace_sums(sums, 0)
        return means

    def _run_chunk(self, data: Dataset, order: NDArray[Any], size: int, count: int, state: Any, begun: float) -> Any:
        """Return the sums with ``count`` batches of ``size`` samples more."""
        model = self._evaluation.model
        backend = model.backend
        values = [model.parameters.flat.value] if backend.has_views else [each.value for each in model.parameters]
        constants = whole_arrays(model, data) | {"values": values}
        capacity = data.size // size if size == data.batch_size else 1
        rows = row_numbers(order, size, count, capacity, dtype_name(backend.index_dtype))
        step = self._step_function(size, data.scale, "weights" in constants)
        known = step.compiled is not None
        state, wait = backend.run_steps(step, state, constants, {"rows": rows}, count)
        self._pace.after_chunk(wait, count, begun, counts=known)
        return state

    def _step_function(self, size: int, scale: float | None, weighted: bool) -> StepFunction:
        evaluation = self._evaluation
        parts = (evaluation.loss, *evaluation.metrics)
        key = make_key(evaluation.model, parts, "evaluation", scale, weighted, size)

        def add_batch(state: Any, constants: Any, inputs: Any, k: Any) -> Any:
            model = evaluation.model
            x, y, weight = gather_batch(model, constants, inputs["rows"], k, scale)
            means = [RunningMean(model.backend, model.dtype) for _ in state]
            for mean, sums in zip(means, state, strict=True):
                mean.replace_sums(sums, 0)
            with model.parameters.holding(constants["values"]):
                evaluation.add_batch(means, x, y, weight, size_of(model.backend, x, weight))
            if any(mean.on_host for mean in means):
                raise NotCompilable("a metric returns a number of the host")
            return [list(mean.device_sums) for mean in means]

        return self._programs.get(key, lambda: StepFunction(add_batch, signature_of(evaluation.model, parts, key)))

    def _zeros(self) -> list[list[Array]]:
        """Return sums of 0: in the same memory each time where there are views, as programs may know addresses."""
        model, count = self._evaluation.model, len(self._evaluation.names)
        backend = model.backend
        zeros = backend.asarray(np.zeros(SUMS * count), model.dtype)
        if self._buffer is None or not backend.has_views:
            self._buffer = zeros
        else:
            backend.write(self._buffer, zeros)
        return [[self._buffer[SUMS * i + j, ...] for j in range(SUMS)] for i in range(count)]
