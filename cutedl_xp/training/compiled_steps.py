"""Training steps in chunks that a backend compiles."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cutedl_xp.backends import NotCompilable, StepFunction, dtype_name
from cutedl_xp.datasets import Dataset
from cutedl_xp.training import chunk_inputs
from cutedl_xp.training.carry import Carry
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.interrupts import without_interrupts
from cutedl_xp.training.pace import Pace
from cutedl_xp.training.plain_steps import PlainSteps
from cutedl_xp.training.program import StepProgram, record_draws, whole_arrays
from cutedl_xp.training.programs import describe_layers, make_key, signature_of
from cutedl_xp.training.step import TrainingStep

_LONGEST = 1024
"""Number of steps of the longest chunk, and of rows of its inputs; the last chunk of an epoch may fill fewer rows."""

_MOST_BYTES = 1 << 25
"""Memory for the random numbers of a chunk, in bytes."""


class CompiledSteps:
    """Training steps in chunks, each in one call of the backend.

    Parameters
    ----------
    fit
        Training that the steps belong to.
    step
        Training step of the model.
    plain
        Steps in a loop, used for a step whose scalars cannot be evaluated in advance.
    longest
        Largest number of steps in a chunk.
    """

    def __init__(self, fit: Fit, step: TrainingStep, plain: PlainSteps, longest: int) -> None:
        self._fit, self._plain, self._pace = fit, plain, Pace()
        assert isinstance(fit.train, Dataset)  # training with other data is not compiled
        self._model, self._optimizer, self._train, self._position = fit.model, fit.optimizer, fit.train, fit.position
        self._carry = Carry(fit.model, fit.optimizer, fit.losses, fit.programs.memory, fit.gradient_norm)
        self._program = StepProgram(fit.model, step, fit.optimizer, self._train.scale)
        self._longest = min(longest, _LONGEST, len(self._train))
        backend, dtype = fit.model.backend, fit.model.dtype
        self._constants = whole_arrays(fit.model, self._train)
        self._dtypes = dtype_name(dtype), dtype_name(backend.index_dtype)
        self._layers: Any = None
        self._draws: dict[int, tuple[list[list[Any]], int]] = {}
        self._order = np.zeros(0, np.int64)

    def begin_epoch(self) -> None:
        """Prepare the order of the current epoch."""
        self._order = self._train.row_numbers(self._position.epoch)

    def run(self, limit: int) -> None:
        """Run ``limit`` steps within the epoch, fewer if a stop is requested."""
        last = self._position.step + limit
        with self._carry.taken():
            while self._position.step < last and not self._fit.stopping.requested:
                self._run_chunk(last - self._position.step)
        self._pace.pause()

    def _run_chunk(self, limit: int) -> None:
        """Run the next chunk, of at most ``limit`` steps."""
        rows = self._order[self._position.batch * self._train.batch_size :]
        full = len(rows) // self._train.batch_size
        size = self._train.batch_size if full else len(rows)
        draws, fitting = self._draws_of(size)
        capacity = min(self._longest, fitting) if full else 1
        begun = self._pace.before_chunk()
        count, tables = self._evaluate_scalars(min(limit, max(full, 1), capacity, self._pace.length))
        if not count:
            self._run_plain()
            return
        length = capacity + self._carry.slack
        step = self._step_function(size, capacity, length)
        known, streams = step.compiled is not None, self._model.streams
        with without_interrupts(), self._rewinding(draws, size):
            inputs = {
                "rows": chunk_inputs.row_numbers(rows, size, count, capacity, self._dtypes[1]),
                "scalars": chunk_inputs.scalar_arrays(tables, length, *self._dtypes),
                "draws": chunk_inputs.draw_numbers(streams, draws, count, capacity, self._dtypes[0]),
            }
            arguments = step, self._carry.state, self._constants, inputs, count
            self._carry.state, wait = self._model.backend.run_steps(*arguments)
            self._advance(count, size)
        self._pace.after_chunk(wait, count, begun, counts=known)

    def _step_function(self, size: int, capacity: int, length: int) -> StepFunction:
        loss, regularizers = self._fit.evaluation.loss, self._fit.regularizers
        parts = (loss, *regularizers)
        measured = self._fit.gradient_norm is not None
        options = self._train.scale, "weights" in self._constants, measured, self._optimizer.program_key()
        key = make_key(self._model, parts, "step", *options, size, capacity, length)
        return self._fit.programs.get(
            key,
            lambda: StepFunction(self._program, signature_of(self._model, (*parts, *self._optimizer.all), key)),
        )

    def _draws_of(self, size: int) -> tuple[list[list[Any]], int]:
        """Return the draws of a step with ``size`` samples, and the number of steps whose numbers fit in the memory."""
        layers = describe_layers(self._model)
        if layers != self._layers:  # a listener may have changed their options
            self._layers, self._draws = layers, {}
        if size not in self._draws:
            draws = record_draws(self._model, self._train, size)
            taken = chunk_inputs.bytes_of_draws(draws, self._model.streams)
            self._draws[size] = draws, max(1, _MOST_BYTES // max(taken, 1))
        return self._draws[size]

    def _evaluate_scalars(self, count: int) -> tuple[int, Any]:
        """Return a number of steps, at most ``count``, and the tables of the optimizer for these steps.

        The number is smaller, down to 0, if a schedule raises for a later update: the steps before it are made first.
        """
        while count:
            try:
                return count, self._carry.scalar_tables(count)
            except Exception:
                count //= 2
        return 0, None

    def _run_plain(self) -> None:
        with self._carry.returned():
            self._plain.begin_epoch()
            self._plain.run(1)

    def _advance(self, count: int, size: int) -> None:
        first = self._position.batch * self._train.batch_size
        self._carry.advance(count, self._train.weight_of(self._order[first : first + count * size]))
        self._position.advance(len(self._train), count)

    @contextmanager
    def _rewinding(self, draws: list[list[Any]], size: int) -> Iterator[None]:
        """Return a context that resets the random streams after a failure to their states after the completed steps."""
        before = [stream.state for stream in self._model.streams]
        try:
            yield
        except Exception as error:
            steps_done = error.steps_done if isinstance(error, NotCompilable) else 0
            for stream, state, own in zip(self._model.streams, before, draws, strict=True):
                stream.state = state
                for draw in own * steps_done:
                    stream.perform(draw)
            if steps_done:
                self._advance(steps_done, size)
            raise
