"""An optimizer that leaves out updates whose gradient is not finite."""

from collections.abc import Iterable, Sequence
from typing import Any

from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend, backend_of
from cutedl_xp.optimizers._kept import targets_of
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, chosen
from cutedl_xp.optimizers._validation import check_keys, counted, floating, matched
from cutedl_xp.optimizers.wrappers._wrapper import Around
from cutedl_xp.parameter import Parameter


class SkipNonFinite(Around):
    """Leaves out an update when some entry of the gradients is infinite or not a number.

    It is as if those gradients had never come: parameters, the other optimizer's state and its ``t`` keep every bit.

    Parameters
    ----------
    optimizer
        Any other one.

    State
    -----
    optimizer : the other one's state.
    skipped : how many updates were left out, an integer.

    Notes
    -----
    Each step asks the device whether the gradients are finite, and waits for the answer. Under ``jax.jit`` nothing is
    asked: the update is made, and either it or what was before is taken.

    A loss that is not finite itself ends the training of a :class:`~cutedl_xp.Session` all the same, at the next entry
    of its history.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Momentum, SkipNonFinite
    >>> rule, w = SkipNonFinite(Momentum(lr=1.0)), np.zeros(2)
    >>> w, state = rule.update(w, np.array([1.0, -1.0]), rule.init(w))
    >>> rule.update(w, np.array([np.nan, 1.0]), state)
    (array([-1.,  1.]), {'optimizer': {'t': 1, 'v': array([ 1., -1.])}, 'skipped': 1})
    """

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer)
        self._skipped = 0

    def init(self, params: Tree) -> State:
        return {"optimizer": self.optimizer.init(params), "skipped": 0}

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        check_keys(self, state, ("optimizer", "skipped"))
        skipped = counted("state['skipped']", state["skipped"])
        flags = _flags(matched("grads", grads, floating("params", params)).values())
        left = params, state | {"skipped": skipped + 1}
        try:
            finite = all(map(bool, flags))
        except TypeError:  # of a tracing library, to which they are not known yet
            finite = None
        if finite is False:
            return left
        params, inner = self.optimizer.update(params, grads, state["optimizer"])
        made = params, {"optimizer": inner, "skipped": skipped}
        return made if finite else chosen(flags[0], made, left)

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)
        if all(map(bool, _flags(target.gradient for target in targets_of(parameters)))):
            self.optimizer.step(parameters)
        else:
            self._skipped += 1

    @property
    def state(self) -> State:
        return {"optimizer": self.optimizer.state, "skipped": self._skipped}

    def __repr__(self) -> str:
        return f"SkipNonFinite({self.optimizer!r})"


def _flags(gradients: Iterable[Array]) -> list[Any]:
    """Whether all entries are finite: one answer for each library and device that there is."""
    flags: dict[Backend, Any] = {}
    for g in gradients:
        backend = backend_of(g)
        flag = backend.xp.all(backend.xp.isfinite(g))
        flags[backend] = flags[backend] & flag if backend in flags else flag
    return list(flags.values())
