"""A wrapper that gives each group of parameters an optimizer of its own."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from cutedl_xp._checks import format_names, format_value
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, flatten, names, unflatten
from cutedl_xp.parameters import Layout, NamedArrays, ParameterViews, Selection


class Groups(Optimizer):
    """Apply a different optimizer to each group of parameters, selected by patterns on their names.

    Each parameter belongs to the first matching pattern. Its optimizer may be any rule with any options, a wrapper, or
    :class:`Frozen`, and treats its group as if there were no other parameters: clipping by the global norm within a
    group uses the norm of that group's gradients, around ``Groups`` that of all gradients, frozen ones included.

    Parameters
    ----------
    optimizers
        An optimizer of its own for each pattern. Patterns are shell-style, with ``*``, ``?`` and ``[]``: ``"*/bias"``
        or ``"/1-*"``, and ``"*"`` for all others. Every pattern must match a parameter, and every parameter a pattern.
        In a tree of arrays the name of an array is the keys and places on the way to it, joined by ``"/"``.

    State
    -----
    For each pattern the state of its optimizer; a tree in it is a dict of arrays by their names.

    Notes
    -----
    An update makes one call for each contiguous run of a group, on CuPy one kernel. In a model all weights lie
    together, and all biases: ``"*/weight"`` and ``"*/bias"`` are one run each.

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

    own_keys = ()

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
        self._selected: tuple[Layout, dict[str, Selection]] | None = None
        owners: dict[int, str] = {}
        for pattern, optimizer in optimizers.items():
            for rule in optimizer.rules:
                if owners.setdefault(id(rule), pattern) != pattern:
                    raise ValueError(
                        f"the patterns {owners[id(rule)]!r} and {pattern!r} of `optimizers` have one optimizer; "
                        "make one for each"
                    )

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """The optimizer of each pattern."""
        return dict(self._optimizers)

    @property
    def children(self) -> Mapping[str, Optimizer]:
        return self._optimizers

    @property
    def rules(self) -> tuple[Optimizer, ...]:
        return tuple(rule for optimizer in self._optimizers.values() for rule in optimizer.rules)

    @property
    def lr(self) -> Any:
        """Groups has a learning rate for each group, and none itself."""
        raise AttributeError("Groups has a learning rate for each group; see its `rules`")

    def parts(self, params: Tree) -> Mapping[str, Tree]:
        """Return the parameters of each pattern."""
        if isinstance(params, NamedArrays):
            return {pattern: selection.of(params) for pattern, selection in self._select(params.layout).items()}
        leaves = dict(zip(_names(params), flatten(params), strict=True))
        return {pattern: {name: leaves[name] for name in own} for pattern, own in self._divide(leaves).items()}

    def init_own(self, params: Tree) -> State:
        return {}

    def check_own(self, params: Tree, state: State) -> State:
        return {}

    def next_scalars(self, state: State) -> Any:
        return {pattern: optimizer.next_scalars(state[pattern]) for pattern, optimizer in self._optimizers.items()}

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        own, own_grads = self.parts(params), self.parts(grads)
        updated, states = {}, {}
        for pattern, optimizer in self._optimizers.items():
            arguments = own[pattern], own_grads[pattern], state[pattern], scalars[pattern]
            updated[pattern], states[pattern] = optimizer.apply(*arguments, donate=donate)
        return self._join(params, updated), states

    def flush(self, params: Tree, state: State, *, donate: bool = False) -> tuple[Tree, State]:
        own, updated, states = self.parts(params), {}, {}
        for pattern, optimizer in self._optimizers.items():
            updated[pattern], states[pattern] = optimizer.flush(own[pattern], state[pattern], donate=donate)
        if all(states[pattern] is state[pattern] for pattern in states):
            return params, state
        return self._join(params, updated), states

    def learning_rates(self) -> dict[str, float]:
        rates = {}
        for pattern, optimizer in self._optimizers.items():
            for name, rate in optimizer.learning_rates().items():
                rates[f"{pattern}/{name}" if name else pattern] = rate
        return rates

    def _join(self, params: Tree, updated: Mapping[str, Tree]) -> Tree:
        """Return parameters with the updated ones of each pattern."""
        if isinstance(params, NamedArrays):
            for pattern, selection in self._select(params.layout).items():
                params = params.with_part(selection, updated[pattern])
            return params
        by_name = {name: array for part in updated.values() for name, array in part.items()}
        return unflatten(params, [by_name[name] for name in _names(params)])

    def _select(self, layout: Layout) -> dict[str, Selection]:
        if self._selected is None or self._selected[0] is not layout:
            groups = self._divide(layout.shapes)
            self._selected = layout, {pattern: layout.select(own) for pattern, own in groups.items()}
        return self._selected[1]

    def _view_parts(self, views: ParameterViews) -> Mapping[str, ParameterViews]:
        return {pattern: views.select(own) for pattern, own in self._divide(views.layout.shapes).items()}

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
                    f"the pattern {pattern!r} of `optimizers` fits only what patterns before it fit as well"
                )
            if not group:
                raise ValueError(
                    f"the pattern {pattern!r} of `optimizers` fits none of the parameters: {format_names(names)}"
                )
        return groups

    def __repr__(self) -> str:
        return f"Groups({self._optimizers!r})"


def _names(params: Tree) -> list[str]:
    """Return the name of each leaf of a tree, which must be different."""
    paths: dict[str, str] = {}
    for name, path in names(params):
        if name in paths:
            raise ValueError(f"`params`{paths[name]} and `params`{path} have the same name {name!r}; rename one")
        paths[name] = path
    return list(paths)
