"""Arrays that compiled training steps take from a session, replace, and return to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cutedl_xp._typing import Array
from cutedl_xp.backends import fill, flatten, map_tree
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.optimizers._compiled import counters_of, named_state, plain_state, with_counters
from cutedl_xp.training.gradient_norm import GradientNorm
from cutedl_xp.training.means import RunningMean

_SLACK = 1024
"""Number of steps after which counters that depend on the gradients are read from the device."""


class Carry:
    """State of a training as a tree of arrays.

    Parameters
    ----------
    model, optimizer
        Model, and its attached optimizer.
    losses
        Mean of the training losses.
    memory
        Arrays by name that all trainings of the session use.
    norm
        Norm of the gradients, which each step replaces; None if no listener needs it.

    Attributes
    ----------
    state
        Tree of the arrays within :meth:`taken`, see :class:`~cutedl_xp.training.program.StepProgram`.
    slack
        Number of rows that the tables of scalars need in addition to one for each step.
    """

    def __init__(
        self,
        model: Model,
        optimizer: Optimizer,
        losses: RunningMean,
        memory: dict[str, Any],
        norm: GradientNorm | None = None,
    ) -> None:
        self.model, self.optimizer, self._losses, self._norm = model, optimizer, losses, norm
        self.state: Any = None
        self._counters: Any = counters_of(optimizer.kept_state())  # values `_unread` steps before the state
        self._unread = 0
        self._samples: float = 0
        self._memory = memory
        self.slack = 0 if optimizer.advance(self._counters, 0) is not None else _SLACK

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Return a context that holds the arrays; at its end the parameters and the optimizer hold them again."""
        self._take()
        try:
            yield
        except BaseException:
            self._return()
            self._memory["counts"] = None  # the device may have counted steps that the host has not
            raise
        self._return()

    @contextmanager
    def returned(self) -> Iterator[None]:
        """Return a context, within :meth:`taken`, in which the parameters and the optimizer hold the arrays."""
        self._return()
        try:
            yield
        finally:
            self._take()

    def scalar_tables(self, count: int) -> Any:
        """Return the optimizer's tables of scalars for the next ``count`` steps."""
        if self._unread + count > _SLACK:
            self._read_counters(self.state)
        return self.optimizer.scalar_tables(self._counters, self._unread + count)

    def advance(self, steps: int, samples: float) -> None:
        """Count completed ``steps``, and their ``samples``, or the sum of the weights of these."""
        self._samples += samples
        counters = self.optimizer.advance(self._counters, steps)
        if counters is None:
            self._unread += steps
        else:
            self._counters = counters

    def _take(self) -> None:
        views, kept, backend = self.optimizer.views, self.optimizer.kept_state(), self.model.backend
        views.refresh()
        self._counters, self._unread, self._samples = counters_of(kept), 0, 0
        arrays: dict[str, Any] = {
            "values": list(views.values.runs),
            "gradients": list(views.gradients.runs),
            "buffers": self.model.buffers.values,
            "optimizer": plain_state(kept),
        }
        if not backend.has_views:  # the steps overwrite the copies, as a caller may have kept the arrays
            arrays = map_tree(lambda leaf: leaf if isinstance(leaf, int) else backend.copy(leaf), arrays)
        arrays["optimizer"] = with_counters(arrays["optimizer"], self._counter_arrays())
        self.state = arrays | {"sums": self._sum_arrays(), "norms": self._norm_arrays()}

    def _return(self) -> None:
        state, self.state = self.state, None
        if self._unread:
            self._read_counters(state)
        self._memory["counts"] = self._counters
        optimizer, parameters = self.optimizer, self.model.parameters
        kept = with_counters(state["optimizer"], self._counters)
        optimizer.keep_state(named_state(optimizer.kept_state(), kept))
        if not self.model.backend.has_views:
            for parameter, value, gradient in zip(parameters, state["values"], state["gradients"], strict=True):
                parameter.value, parameter.gradient = value, gradient
            for buffer, value in zip(self.model.buffers, state["buffers"], strict=True):
                buffer.value = value
        self._losses.replace_sums(state["sums"], self._samples)
        if self._norm is not None:
            [self._norm.latest] = map(self.model.backend.copy, state["norms"])

    def _counter_arrays(self) -> Any:
        """Return the counters on the device, always in the same memory, as compiled programs may store addresses."""
        backend, memory = self.model.backend, self._memory
        if memory.get("optimizer") is not self.optimizer or not backend.has_views:
            memory["optimizer"] = self.optimizer
            memory["counters"] = map_tree(self._as_counter, self._counters)
        elif memory["counts"] != self._counters:
            for array, number in zip(flatten(memory["counters"]), flatten(self._counters), strict=True):
                backend.write(array, self._as_counter(number))
        memory["counts"] = None  # unknown until the steps are completed
        return memory["counters"]

    def _as_counter(self, number: Any) -> Array:
        return self.model.backend.asarray(number, self.model.backend.index_dtype)

    def _sum_arrays(self) -> list[Array]:
        """Return the sums of the losses on the device, always in the same memory."""
        backend, sums = self.model.backend, list(self._losses.device_sums)
        own = self._memory.get("sums")
        if own is None or not backend.has_views:
            own = self._memory["sums"] = list(map(backend.copy, sums))
        else:
            for target, each in zip(own, sums, strict=True):
                if each is not target:
                    backend.write(target, each)
        return own

    def _norm_arrays(self) -> list[Array]:
        """Return the norm of the gradients on the device, always in the same memory."""
        if self._norm is None:
            return []
        backend, own = self.model.backend, self._memory.get("norm")
        latest = self._norm.latest  # a chunk without a step leaves it unchanged
        if latest is None:
            latest = backend.xp.zeros((), dtype=self.model.dtype, device=backend.device)
        if own is None or not backend.has_views:
            self._memory["norm"] = backend.copy(latest)
        else:
            backend.write(own, latest)
        return [self._memory["norm"]]

    def _read_counters(self, state: Any) -> None:
        backend, counters = self.model.backend, counters_of(state["optimizer"])
        numbers = backend.to_numpy(backend.xp.stack(flatten(counters)))
        self._counters, self._unread = fill(counters, numbers.tolist()), 0
