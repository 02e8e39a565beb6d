"""Wrapper that averages the gradients of several batches."""

from functools import partial
from typing import Any

from cutedl_xp._checks import check_integer
from cutedl_xp._options import option
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree, apply_rule, flatten, unflatten, where
from cutedl_xp.optimizers.wrappers.wrapper import OptimizerWrapper


def mean_rule(xp: Namespace, mean: Array, g: Array, share: float) -> tuple[Array, ...]:
    """Add a share of a gradient to the mean, element by element."""
    mean = mean + share * g
    return (mean,)


class Accumulate(OptimizerWrapper):
    """Update with the mean of several gradients, which is equivalent to a larger batch.

    Between two updates only the mean changes. ``t`` and schedules of the wrapped optimizer count its updates. At the
    end of a training ``flush`` makes an update with the remaining gradients, if there are any.

    Parameters
    ----------
    optimizer
        Optimizer to wrap.
    every
        Number of gradients averaged for each update, an integer of at least 1.

    State
    -----
    optimizer : the state of the wrapped optimizer.
    count : the number of gradients in the mean, an integer.
    mean : the sum of the gradients since the last update, each divided by ``every``, of w's shape and dtype.

    Notes
    -----
    Under ``jax.jit`` the update of the wrapped optimizer is computed in each call, and used after ``every`` gradients.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Accumulate, Fixed
    >>> rule, w = Accumulate(Fixed(lr=1.0), every=2), np.array([0.0])
    >>> state = rule.init(w)
    >>> for g in (1.0, 3.0, 5.0):
    ...     w, state = rule.update(w, np.array([g]), state)
    >>> w, state
    (array([-2.]), {'optimizer': {'t': 1}, 'count': 1, 'mean': array([2.5])})
    >>> rule.flush(w, state)
    (array([-7.]), {'optimizer': {'t': 2}, 'count': 0, 'mean': array([0.])})
    """

    compilable = True
    counters = ("count",)
    slots = ("mean",)

    every: int = option(partial(check_integer, at_least=1))

    def __init__(self, optimizer: Optimizer, every: int) -> None:
        super().__init__(optimizer)
        self.every = every

    def next_scalars(self, state: State) -> Any:
        between = isinstance(state["count"], int) and state["count"] + 1 < self.every
        return None if between else super().next_scalars(state)

    def scalar_tables(self, state: State, updates: int) -> Any:
        return super().scalar_tables(state, (state["count"] + updates) // self.every)

    def advance(self, state: State, updates: int) -> State | None:
        made, count = divmod(state["count"] + updates, self.every)
        inner = self.optimizer.advance(state["optimizer"], made)
        return None if inner is None else {"optimizer": inner, "count": count}

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        count = state["count"] + 1
        (mean,) = apply_rule(mean_rule, [state["mean"]], grads, (1.0 / self.every,), donate=donate)
        kept = state | {"count": count, "mean": mean}
        if scalars is None:
            return params, kept
        if isinstance(count, int):
            return self._apply_mean(params, kept, scalars, donate=donate)
        made = self._apply_mean(params, kept, scalars, donate=False)  # the old arrays are needed, too
        chosen: tuple[Tree, State] = where(count >= self.every, made, (params, kept))
        return chosen

    def flush_scalars(self, state: State) -> Any:
        if not isinstance(state["count"], int):
            raise TypeError("flush() must know how many gradients are left; call it outside of jax.jit")
        return super().next_scalars(state) if state["count"] else None

    def apply_flush(self, params: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        if scalars is not None:
            scale = self.every / state["count"]
            mean = unflatten(state["mean"], [share * scale for share in flatten(state["mean"])])
            params, state = self._apply_mean(params, state | {"mean": mean}, scalars, donate=donate)
        return super().apply_flush(params, state, super().flush_scalars(state), donate=donate)

    def _apply_mean(self, params: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        mean, inner = state["mean"], state["optimizer"]
        params, inner = self.optimizer.apply(params, mean, inner, scalars["optimizer"], donate=donate)
        zeros = unflatten(mean, [self.initial_slot("mean", share) for share in flatten(mean)])
        return params, {"optimizer": inner, "count": 0, "mean": zeros}
