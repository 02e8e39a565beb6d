"""Functions of optimizer states."""

from typing import Any

from array_api_compat import is_array_api_obj

from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers._pure import State
from cutedl_xp.parameters import NamedArrays

SWEEP_INTERVAL = 128
"""Updates between two searches for subnormal numbers. If a unit is inactive or a pixel nearly always 0, means of
gradients decay to such numbers and remain; an update of a layer in which they were a quarter took 1.5 times as long."""


def is_initial(state: Any) -> bool:
    """Return whether a state was read when no parameters were known."""
    return all(map(is_initial, state.values())) if isinstance(state, dict) else isinstance(state, int) and state == 0


def in_memory_of(old: State, new: State) -> State:
    """Return a new state in the memory of the old one if it can be written to: compiled steps refer to its address."""
    found: State = {}
    for key, child in new.items():
        target = old.get(key)
        if isinstance(child, dict) and isinstance(target, dict):
            found[key] = in_memory_of(target, child)
        elif isinstance(target, NamedArrays) and target.in_place and isinstance(child, NamedArrays):
            found[key] = target.overwritten_with(child)
        else:
            found[key] = child
    return found


def copy_state(tree: Any) -> Any:
    """Return a copy of a state with copies of its arrays."""
    if isinstance(tree, NamedArrays):
        tree = tree.views
    if isinstance(tree, dict):
        return {key: copy_state(child) for key, child in tree.items()}
    return backend_of(tree).copy(tree) if is_array_api_obj(tree) else tree


def remove_subnormals(before: State, after: State) -> bool:
    """Set subnormal numbers of rules to 0 after a multiple of 128 updates; return whether such an update was made."""
    due = "t" in after and after["t"] != before["t"] and after["t"] % SWEEP_INTERVAL == 0
    for key, child in after.items():
        if isinstance(child, dict):
            due = remove_subnormals(before[key], child) or due
    for key, slot in after.items():
        if due and isinstance(slot, NamedArrays):
            pairs = zip(slot.backends, slot.runs, strict=True)
            after[key] = slot.with_runs([backend.without_subnormals(run) for backend, run in pairs])
    return due
