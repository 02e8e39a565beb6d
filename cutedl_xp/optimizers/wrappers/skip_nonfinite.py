"""Wrapper that skips updates with non-finite gradients."""

import math
from typing import Any

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Backend
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree, where, zip_leaves
from cutedl_xp.optimizers.wrappers.wrapper import OptimizerWrapper


class SkipNonFinite(OptimizerWrapper):
    """Skip an update when an entry of the gradients, or its square, is infinite or not a number.

    A skipped update changes neither the parameters nor the state of the wrapped optimizer. Squares are computed in the
    gradient's dtype: in float32 they overflow above 1.8e19. After such a gradient a mean of squares, such as that of
    Adam, would remain infinite, and its parameter would never change again.

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
    Each step waits for the device to test whether the gradients are finite. In a compiled training, and under
    ``jax.jit``, the update is always computed, and the device selects the new or the previous state.

    With this wrapper a training loss that is not finite does not end the training of a :class:`~cutedl_xp.Session`, as
    long as the parameters and the state are finite. ``history.skipped`` has the number of skipped updates for each
    entry. Within a clipping wrapper this wrapper receives the limited gradients.

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
        donate = donate and finite is True  # otherwise the old arrays are needed, too
        params, inner = self.optimizer.apply(params, grads, state["optimizer"], scalars["optimizer"], donate=donate)
        made = params, state | {"optimizer": inner}
        return made if finite else where(flags[0], made, skipped)


def _read(flags: list[Any]) -> bool | None:
    """Return whether all flags are true, or None under tracing, when their values are not known."""
    try:
        return all(map(bool, flags))
    except TypeError:
        return None


def _finite_flags(grads: Tree) -> list[Any]:
    """Return whether the squares of all entries are finite, as one flag for each library and device."""
    flags: dict[Backend, Any] = {}
    for backend, g in zip_leaves(grads):
        if backend.known_to_be_finite(g):  # the sum of squares is finite
            flag = backend.xp.asarray(True, device=backend.device)
        else:
            flag = backend.xp.all(backend.elementwise(_has_square, g, _square_limit(backend.xp, g)))
        flags[backend] = flags[backend] & flag if backend in flags else flag
    return list(flags.values())


def _has_square(xp: Namespace, g: Array, limit: float) -> Array:
    return xp.abs(g) < limit  # false for NaN; unlike a square, a comparison raises no error


def _square_limit(xp: Namespace, g: Array) -> float:
    """Return the smallest number whose square is infinite in an array's dtype, a power of 2."""
    return 2.0 ** round(math.log2(xp.finfo(g.dtype).max) / 2.0)
