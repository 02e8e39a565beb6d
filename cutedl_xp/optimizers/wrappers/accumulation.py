"""An optimizer that collects the gradients of several batches for another one."""

from collections.abc import Sequence

from cutedl_xp._checks import check_integer
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers._kept import Kept
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, chosen, rebuild
from cutedl_xp.optimizers._validation import check_keys, counted, floating, matched, namespace
from cutedl_xp.optimizers.wrappers._wrapper import Around
from cutedl_xp.parameter import Parameter


def mean_rule(xp: Namespace, mean: Array, g: Array, share: float) -> tuple[Array, ...]:
    """One gradient more, element by element."""
    mean = mean + share * g
    return (mean,)


class Accumulate(Around):
    """Lets another optimizer make an update of the mean of several gradients: of a batch so many times as large.

    In between nothing changes but the mean. ``t`` and schedules of the other optimizer count its updates.

    Parameters
    ----------
    optimizer
        Any other one.
    every
        How many gradients an update is made of, at least 1.

    State
    -----
    optimizer : the other one's state.
    count : how many gradients are in the mean, an integer.
    mean : a share of 1 / every of each, of w's shape and dtype.

    Notes
    -----
    Under ``jax.jit`` the other one's update is computed each time, and only taken when it is due.

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
    """

    def __init__(self, optimizer: Optimizer, every: int) -> None:
        super().__init__(optimizer)
        self.every = check_integer("every", every, at_least=1)
        self._kept: Kept | None = None
        self._count = 0

    def init(self, params: Tree) -> State:
        zeros = {path: _zeros(w) for path, w in floating("params", params).items()}
        return {"optimizer": self.optimizer.init(params), "count": 0, "mean": rebuild(params, zeros)}

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        check_keys(self, state, ("optimizer", "count", "mean"))
        arrays = floating("params", params)
        added, means = matched("grads", grads, arrays), matched("mean", state["mean"], arrays)
        count = counted("state['count']", state["count"]) + 1
        for path, mean in means.items():
            (means[path],) = backend_of(mean).rule_results(mean_rule, [mean, added[path]], [1.0 / self.every])
        gathered = rebuild(params, means)
        kept = params, state | {"count": count, "mean": gathered}
        if isinstance(count, int) and count < self.every:
            return kept
        params, inner = self.optimizer.update(params, gathered, state["optimizer"])
        zeros = {path: _zeros(mean) for path, mean in means.items()}
        made = params, {"optimizer": inner, "count": 0, "mean": rebuild(params, zeros)}
        return made if isinstance(count, int) else chosen(count >= self.every, made, kept)

    def attach(self, parameters: Sequence[Parameter]) -> None:
        super().attach(parameters)
        if self._kept is None:
            self._kept = Kept("Accumulate", parameters, [_zeros])
        self._kept.check_same(parameters)

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)
        assert self._kept is not None
        for target, kept in self._kept.pairs():
            kept[:] = target.backend.apply_rule(mean_rule, [kept[0], target.gradient], [1.0 / self.every])
        self._count += 1
        if self._count == self.every:
            for target, kept in self._kept.pairs():
                (target.gradient,) = kept
                kept[:] = [_zeros(target.value)]
            self._count = 0
            self.optimizer.step(parameters)

    @property
    def state(self) -> State:
        mean = self._kept.by_name(0) if self._kept else {}
        return {"optimizer": self.optimizer.state, "count": self._count, "mean": mean}

    def __repr__(self) -> str:
        return f"Accumulate({self.optimizer!r}, every={self.every!r})"


def _zeros(array: Array) -> Array:
    return namespace(array).zeros_like(array)
