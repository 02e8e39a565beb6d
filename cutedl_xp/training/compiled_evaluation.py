"""Loss and metrics over a data set in chunks that a backend compiles."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import NotCompilable, StepFunction, dtype_name, fill, flatten
from cutedl_xp.datasets import Data, Dataset
from cutedl_xp.training.chunk_inputs import row_numbers
from cutedl_xp.training.evaluation import Evaluation, EvaluationStopped, never
from cutedl_xp.training.means import SUMS
from cutedl_xp.training.pace import Pace
from cutedl_xp.training.program import gather_batch, size_of, whole_arrays
from cutedl_xp.training.programs import Programs, make_key, signature_of
from cutedl_xp.training.tally import Figure, Tally


class CompiledEvaluation:
    """Loss and metrics of a model, computed by a compiled program where possible.

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
        self._tallies: dict[Any, list[Array]] = {}
        self._possible, self._pace = evaluation.compilable, Pace()

    def check_first_batch(self, means: Sequence[Figure]) -> None:
        """Run validations in the plain loop if a metric of ``means`` is on the host, which no program computes."""
        self._possible = self._evaluation.compilable and not any(mean.on_host for mean in means)

    def means(self, data: Data, batches: int = 0, stopped: Callable[[], bool] = never) -> list[Figure]:
        """Return the result of :meth:`Evaluation.means` for ``data``, ``batches`` and ``stopped``."""
        if self._possible and type(data) is Dataset and data.in_memory:
            try:
                return self._compute(data, batches, stopped)
            except NotCompilable:
                self._possible = False  # a user's metric may read values
        return self._evaluation.means(data, batches, stopped)

    def _compute(self, data: Dataset, batches: int, stopped: Callable[[], bool]) -> list[Figure]:
        model = self._evaluation.model
        order = data.row_numbers(0)[: (batches or len(data)) * data.batch_size]
        output_shape = model.output_shape(data.sample_shape) or ()
        means = self._evaluation.start(data.sample_weight is not None)
        state = self._start_state(means, output_shape)
        while len(order):
            begun = self._pace.before_chunk()
            if stopped():
                raise EvaluationStopped
            size = min(data.batch_size, len(order))
            count = min(len(order) // size, self._pace.length)
            state = self._run_chunk(data, order, size, count, state, begun)
            weight = None if data.sample_weight is None else data.weight_of(order[: count * size])
            order = order[count * size :]
            predicted = (count * size, *output_shape)
            for mean, counted in zip(means, self._evaluation.sizes(predicted, weight), strict=True):
                mean.size += counted
        self._pace.pause()
        _replace_states(means, state)
        return means

    def _run_chunk(self, data: Dataset, order: NDArray[Any], size: int, count: int, state: Any, begun: float) -> Any:
        """Return the state after ``count`` more batches of ``size`` samples."""
        model = self._evaluation.model
        backend = model.backend
        values = [model.parameters.flat.value] if backend.has_views else [each.value for each in model.parameters]
        constants = whole_arrays(model, data) | {"values": values, "buffers": model.buffers.values}
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
            means = evaluation.start(weighted)
            _replace_states(means, state)
            with model.parameters.holding(constants["values"]), model.buffers.holding(constants["buffers"]):
                evaluation.add_batch(means, x, y, weight, size_of(model.backend, x, weight))
            if any(mean.on_host for mean in means):
                raise NotCompilable("a metric returns a number of the host")
            return [mean.state if isinstance(mean, Tally) else list(mean.device_sums) for mean in means]

        return self._programs.get(key, lambda: StepFunction(add_batch, signature_of(evaluation.model, parts, key)))

    def _start_state(self, figures: Sequence[Figure], output_shape: Shape) -> list[Any]:
        """Return the state of an evaluation before its first batch, always in the same memory, like the sums."""
        state: list[Any] = []
        for place, (figure, zeros) in enumerate(zip(figures, self._zeros(), strict=True)):
            if isinstance(figure, Tally):
                figure.begin(output_shape)
                state.append(self._in_place((place, output_shape), figure.state))
            else:
                state.append(zeros)
        return state

    def _in_place(self, key: Any, tree: Any) -> Any:
        backend = self._evaluation.model.backend
        if not backend.has_views:  # programs overwrite these arrays, which the metric may have given twice or kept
            return fill(tree, [backend.copy(leaf) for leaf in flatten(tree)])
        if key not in self._tallies:
            self._tallies[key] = [backend.xp.asarray(leaf, copy=True) for leaf in flatten(tree)]
        else:
            for kept, leaf in zip(self._tallies[key], flatten(tree), strict=True):
                backend.write(kept, leaf)
        return fill(tree, self._tallies[key])

    def _zeros(self) -> list[list[Array]]:
        """Return sums of 0, always in the same memory where there are views, as programs may store addresses."""
        model, count = self._evaluation.model, len(self._evaluation.names)
        backend = model.backend
        zeros = backend.asarray(np.zeros(SUMS * count), model.dtype)
        if self._buffer is None or not backend.has_views:
            self._buffer = zeros
        else:
            backend.write(self._buffer, zeros)
        return [[self._buffer[SUMS * i + j, ...] for j in range(SUMS)] for i in range(count)]


def _replace_states(figures: Sequence[Figure], state: Any) -> None:
    for figure, own in zip(figures, state, strict=True):
        if isinstance(figure, Tally):
            figure.state = own
        else:
            figure.replace_sums(own, 0)
