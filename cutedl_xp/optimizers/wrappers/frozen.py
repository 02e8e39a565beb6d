"""Optimizer that does not change its parameters."""

from typing import Any

from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree
from cutedl_xp.parameters import ParameterViews


class Frozen(Optimizer):
    """Keep the parameters of a group of :class:`Groups` unchanged, without a state.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Frozen
    >>> w = np.array([1.0])
    >>> after, state = Frozen().update(w, np.array([5.0]), Frozen().init(w))
    >>> after is w, state
    (True, {})
    """

    compilable = True

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        return params, {}

    def _check_attachable(self, views: ParameterViews) -> None:
        """Accept any parameters, because no state belongs to them."""

    def __repr__(self) -> str:
        return "Frozen()"
