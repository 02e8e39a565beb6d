"""Updates on plain trees of arrays, for compiled training steps."""

from typing import Any

from cutedl_xp._typing import Array
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers._pure import State
from cutedl_xp.parameters import NamedArrays


def update_arrays(
    optimizer: Optimizer, values: list[Array], gradients: list[Array], state: State, tables: Any
) -> tuple[list[Array], State]:
    """Return the values of an optimizer's parameters and its state after one update.

    Parameters
    ----------
    optimizer
        Optimizer that is attached to parameters.
    values, gradients
        Runs of the parameters' values and gradients, which may be overwritten.
    state
        Result of :func:`plain_state`.
    tables
        Result of :meth:`Optimizer.scalar_tables` as arrays.
    """
    views = optimizer.views
    named = named_state(optimizer.kept_state(), state)
    params, grads = views.values.with_runs(values), views.gradients.with_runs(gradients)
    scalars = optimizer.read_scalars(named, tables)
    params, named = optimizer.apply(params, grads, named, scalars, donate=True)
    return params.runs, plain_state(named)


def plain_state(state: State) -> State:
    """Return a state with lists of runs instead of named arrays."""
    plain: State = {}
    for key, child in state.items():
        if isinstance(child, dict):
            plain[key] = plain_state(child)
        else:
            plain[key] = child.runs if isinstance(child, NamedArrays) else child
    return plain


def named_state(like: State, plain: State) -> State:
    """Return a state with the arrays and counters of ``plain`` and the names of ``like``."""
    named: State = {}
    for key, child in like.items():
        if isinstance(child, dict):
            named[key] = named_state(child, plain[key])
        else:
            named[key] = child.with_runs(plain[key]) if isinstance(child, NamedArrays) else plain[key]
    return named


def counters_of(state: State) -> State:
    """Return the counters of a state without its arrays."""
    return {
        key: counters_of(child) if isinstance(child, dict) else child
        for key, child in state.items()
        if not isinstance(child, (list, NamedArrays))
    }


def with_counters(state: State, counters: State) -> State:
    """Return a state with other counters."""
    return state | {
        key: with_counters(state[key], child) if isinstance(child, dict) else child for key, child in counters.items()
    }
