"""Wrapper that applies a different optimizer to each group of parameters."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from cutedl_xp._checks import format_names, format_value
from cutedl_xp._typing import Array
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree, format_path, leaves_by_keys, unflatten
from cutedl_xp.parameters import Layout, NamedArrays


class Groups(Optimizer):
    """Apply a different optimizer to each group of parameters, selected by patterns on their names.

    Each parameter belongs to the first matching pattern. The optimizer of a pattern may be any rule, wrapper or
    :class:`Frozen`, and receives the parameters of its group only: clipping by the global norm within a group uses the
    norm of the group's gradients. Around ``Groups``, clipping uses the norm of all gradients, including frozen ones.

    Parameters
    ----------
    optimizers
        Dict from patterns to optimizers, with a different optimizer for each pattern. Patterns are shell-style, with
        ``*``, ``?`` and ``[]``: ``"*/bias"`` or ``"/1-*"``, and ``"*"`` for all others. Every pattern must match a
        parameter, and every parameter a pattern. In a tree of arrays the name of an array consists of the keys and
        indices of its path, joined by ``"/"``.

    State
    -----
    For each pattern the state of its optimizer, with dicts of arrays by their names.

    Notes
    -----
    An update makes one call for each contiguous run of a group, on CuPy one kernel. In a model all weights are
    contiguous, and all biases: ``"*/weight"`` and ``"*/bias"`` are one run each.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Adam, Fixed, Frozen, Groups
    >>> rule = Groups({"base/*": Frozen(), "*/bias": Fixed(lr=1.0), "*": Fixed(lr=0.1)})
    >>> params = {name: {"weight": np.zeros(2), "bias": np.zeros(1)} for name in ("base", "head")}
    >>> grads = {name: {"weight": np.ones(2), "bias": np.ones(1)} for name in ("base", "head")}
    >>> params, state = rule.update(params, grads, rule.init(params))
    >>> params["base"], params["head"]
    ({'weight': array([0., 0.]), 'bias': array([0.])}, {'weight': array([-0.1, -0.1]), 'bias': array([-1.])})
    """

    compilable = True

    def __init__(self, optimizers: Mapping[str, Optimizer]) -> None:
        if not isinstance(optimizers, Mapping):
            raise TypeError(f"`optimizers` must be a dict from patterns to optimizers; got {format_value(optimizers)}")
        if not optimizers:
            raise ValueError("`optimizers` is empty; give at least '*': and an optimizer")
        for pattern, optimizer in optimizers.items():
            if not isinstance(pattern, str):
                raise TypeError(f"`optimizers` must have patterns as its keys; got {format_value(pattern)}")
            if not isinstance(optimizer, Optimizer):
                raise TypeError(
                    f"`optimizers`[{pattern!r}] must be an Optimizer, or Frozen(); got {format_value(optimizer)}"
                )
        self._optimizers = dict(optimizers)
        self._selected: tuple[Layout, dict[str, list[str]]] | None = None
        owners: dict[int, str] = {}
        for pattern, optimizer in optimizers.items():
            for each in _with_state(optimizer):
                if owners.setdefault(id(each), pattern) != pattern:
                    raise ValueError(
                        f"the patterns {owners[id(each)]!r} and {pattern!r} of `optimizers` share an optimizer; "
                        "make one for each"
                    )

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """Optimizer of each pattern."""
        return dict(self._optimizers)

    @property
    def children(self) -> Mapping[str, Optimizer]:
        return self._optimizers

    @property
    def lr(self) -> Any:
        """Raise an error, because each group has its own learning rate."""
        raise AttributeError("Groups has a learning rate for each group; see its `rules`")

    def parts(self, params: Tree) -> dict[str, Tree]:
        if isinstance(params, NamedArrays):
            if self._selected is None or self._selected[0] is not params.layout:
                self._selected = params.layout, self._divide(params.layout.shapes)
            return {pattern: params.select(names) for pattern, names in self._selected[1].items()}
        leaves = _named_leaves(params)
        return {pattern: {name: leaves[name] for name in own} for pattern, own in self._divide(leaves).items()}

    def join(self, params: Tree, parts: Mapping[str, Tree], *, donate: bool) -> Tree:
        if isinstance(params, NamedArrays):
            return params.with_parts(parts.values(), donate=donate)
        by_name = {name: array for part in parts.values() for name, array in part.items()}
        return unflatten(params, [by_name[name] for name in _named_leaves(params)])

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        parts, own_grads, states = self.parts(params), self.parts(grads), {}
        for pattern, optimizer in self._optimizers.items():
            arguments = parts[pattern], own_grads[pattern], state[pattern], scalars[pattern]
            parts[pattern], states[pattern] = optimizer.apply(*arguments, donate=donate)
        return self.join(params, parts, donate=donate), states

    def learning_rates(self) -> dict[str, float]:
        found = {pattern: optimizer.learning_rates() for pattern, optimizer in self._optimizers.items()}
        return {f"{key}/{name}" if name else key: rate for key, rates in found.items() for name, rate in rates.items()}

    def _divide(self, names: Collection[str]) -> dict[str, list[str]]:
        """Return the names that belong to each pattern."""
        groups: dict[str, list[str]] = {pattern: [] for pattern in self._optimizers}
        for name in names:
            fitting = [pattern for pattern in groups if fnmatchcase(name, pattern)]
            if not fitting:
                what = repr(name) if name else "'', the name of a single array"
                raise ValueError(f"`optimizers` has no pattern for {what}; add one, such as '*': Frozen()")
            groups[fitting[0]].append(name)
        for pattern, group in groups.items():
            if not group and any(fnmatchcase(name, pattern) for name in names):
                raise ValueError(
                    f"the pattern {pattern!r} of `optimizers` fits only parameters that earlier patterns fit as well"
                )
            if not group:
                raise ValueError(
                    f"the pattern {pattern!r} of `optimizers` fits none of the parameters: {format_names(names)}"
                )
        return groups

    def __repr__(self) -> str:
        return f"Groups({self._optimizers!r})"


def _with_state(optimizer: Optimizer) -> list[Optimizer]:
    """Return an optimizer and all optimizers within, without those that have no state."""
    own = [optimizer] if optimizer.state_keys else []
    return own + [each for child in optimizer.children.values() for each in _with_state(child)]


def _named_leaves(params: Tree) -> dict[str, Array]:
    """Return the leaves of a tree by their names, which must be different."""
    leaves: dict[str, Array] = {}
    paths: dict[str, str] = {}
    for keys, leaf in leaves_by_keys("params", params).items():
        name, path = "/".join(map(str, keys)), format_path(keys)
        if name in paths:
            raise ValueError(f"`params`{paths[name]} and `params`{path} have the same name {name!r}; rename one")
        leaves[name], paths[name] = leaf, path
    return leaves
