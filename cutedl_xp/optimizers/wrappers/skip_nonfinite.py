"""A wrapper that skips updates with non-finite gradients."""

from typing import Any

from cutedl_xp.backends import Backend
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree, where, zip_leaves
from cutedl_xp.optimizers.wrappers.wrapper import OptimizerWrapper


class SkipNonFinite(OptimizerWrapper):
    """Skip an update when an entry of the gradients is infinite or not a number.

    Parameters, the state of the wrapped optimizer and its ``t`` keep every bit then.

    Parameters
    ----------
    optimizer
        Optimizer to wrap.

    State
    -----
    optimizer : the state of the wrapped optimizer.
    skipped : the number of skipped updates, an integer.

    Notes
    -----
    Each step asks the device whether the gradients are finite, and waits for the answer. In a compiled training, and
    under ``jax.jit``, the update is always computed, and the device takes either it or the previous state.

    A loss that is not finite ends the training of a :class:`~cutedl_xp.Session` nevertheless, at the next entry of its
    history.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Momentum, SkipNonFinite
    >>> rule, w = SkipNonFinite(Momentum(lr=1.0)), np.zeros(2)
    >>> w, state = rule.update(w, np.array([1.0, -1.0]), rule.init(w))
    >>> rule.update(w, np.array([np.nan, 1.0]), state)
    (array([-1.,  1.]), {'optimizer': {'t': 1, 'v': array([ 1., -1.])}, 'skipped': 1})
    """

    compilable = True
    counters = ("skipped",)

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        flags = _finite_flags(grads)
        skipped = params, state | {"skipped": state["skipped"] + 1}
        finite = _read(flags) if isinstance(state["skipped"], int) else None
        if finite is False:
            return skipped
        donate = donate and finite is True  # else the old arrays are needed as well
        params, inner = self.optimizer.apply(params, grads, state["optimizer"], scalars["optimizer"], donate=donate)
        made = params, state | {"optimizer": inner}
        return made if finite else where(flags[0], made, skipped)


def _read(flags: list[Any]) -> bool | None:
    """Return whether all flags are true, or None where the library traces and does not know them yet."""
    try:
        return all(map(bool, flags))
    except TypeError:
        return None


def _finite_flags(grads: Tree) -> list[Any]:
    """Return whether all entries are finite: one answer for each library and device."""
    flags: dict[Backend, Any] = {}
    for backend, g in zip_leaves(grads):
        flag = backend.xp.all(backend.xp.isfinite(g))
        flags[backend] = flags[backend] & flag if backend in flags else flag
    return list(flags.values())
