"""An optimizer for each group of parameters, and one that leaves its group alone."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from cutedl_xp._checks import format_names, format_value
from cutedl_xp._typing import Array
from cutedl_xp.optimizers._kept import Kept
from cutedl_xp.optimizers._optimizer import Optimizer, Rated, State
from cutedl_xp.optimizers._tree import Tree, names, rebuild
from cutedl_xp.optimizers._validation import check_keys, check_parameters, floating, matched
from cutedl_xp.parameter import Parameter
from cutedl_xp.parameters import FlatParameters


class Groups(Optimizer):
    """Gives parameters to several optimizers, by patterns on their names.

    A group is what fits a pattern and none of those before it. Its optimizer may be of any rule with any options, go
    around others, or be :class:`Frozen`; it is as if its parameters were all that there are. So clipping by the global
    norm within a group is by the norm of its gradients alone, and around ``Groups`` by that of all, frozen ones too.

    Parameters
    ----------
    optimizers
        For each pattern an optimizer of its own. Patterns are shell-style, with ``*``, ``?`` and ``[]``: ``"*/bias"``
        or ``"/1-*"``, and ``"*"`` for all that is left. Each must have some parameter, and each parameter a pattern. In
        a tree of arrays the keys and places on the way to an array, with ``"/"`` between them, are its name.

    State
    -----
    For each pattern the state of its optimizer, a tree being a dict of arrays by their names.

    Notes
    -----
    An update is still one call for a whole group, and on CuPy one kernel. For that a model's parameters move in memory
    when a group does not lie together yet: arrays that were had of them before are copies then.

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
        self._kept: Kept | None = None
        self._parts: dict[str, Sequence[Parameter]] = {}
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

    def init(self, params: Tree) -> State:
        arrays = floating("params", params)
        return {
            pattern: self._optimizers[pattern].init({name: arrays[path] for name, path in part.items()})
            for pattern, part in self._divided(_paths(params)).items()
        }

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        check_keys(self, state, tuple(self._optimizers))
        arrays = floating("params", params)
        gradients = matched("grads", grads, arrays)
        results: dict[str, Array] = {}
        states: State = {}
        for pattern, part in self._divided(_paths(params)).items():
            own, own_gradients = ({name: tree[path] for name, path in part.items()} for tree in (arrays, gradients))
            updated, states[pattern] = self._optimizers[pattern].update(own, own_gradients, state[pattern])
            results |= {path: updated[name] for name, path in part.items()}
        return rebuild(params, results), states

    def attach(self, parameters: Sequence[Parameter]) -> None:
        if self._kept is not None:
            self._kept.check_same(parameters)
            return
        check_parameters(parameters)
        groups = self._divided({parameter.name: parameter for parameter in parameters})
        for pattern, optimizer in self._optimizers.items():
            part: Sequence[Parameter] = tuple(groups[pattern].values())
            self._parts[pattern] = parameters.group(part) if isinstance(parameters, FlatParameters) else part
            optimizer.attach(self._parts[pattern])
        self._kept = Kept("Groups", parameters, [])

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)
        for pattern, optimizer in self._optimizers.items():
            optimizer.step(self._parts[pattern])

    @property
    def state(self) -> State:
        return {pattern: optimizer.state for pattern, optimizer in self._optimizers.items()}

    def learning_rates(self) -> dict[str, float]:
        inner = {pattern: optimizer.learning_rates() for pattern, optimizer in self._optimizers.items()}
        return {pattern: rate for pattern, rates in inner.items() for rate in rates.values()}

    @property
    def rules(self) -> tuple[Rated, ...]:
        return tuple(rule for optimizer in self._optimizers.values() for rule in optimizer.rules)

    @property
    def lr(self) -> Any:
        """There is none."""
        raise AttributeError("Groups has a learning rate for each group; see its `rules`")

    def _divided(self, named: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """What belongs to each pattern, by name."""
        groups: dict[str, dict[str, Any]] = {pattern: {} for pattern in self._optimizers}
        for name, value in named.items():
            fitting = [pattern for pattern in groups if fnmatchcase(name, pattern)]
            if not fitting:
                what = repr(name) if name else "'', the name of a single array"
                raise ValueError(f"`optimizers` has no pattern for {what}; add one, such as '*': Frozen()")
            groups[fitting[0]][name] = value
        for pattern, group in groups.items():
            if not group and any(fnmatchcase(name, pattern) for name in named):
                raise ValueError(
                    f"the pattern {pattern!r} of `optimizers` fits only what patterns before it fit as well"
                )
            if not group:
                raise ValueError(
                    f"the pattern {pattern!r} of `optimizers` fits none of the parameters: {format_names(named)}"
                )
        return groups

    def __repr__(self) -> str:
        return f"Groups({self._optimizers!r})"


class Frozen(Optimizer):
    """Leaves parameters as they are: for a group of :class:`Groups`. It keeps nothing, and counts nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import Frozen
    >>> w = np.array([1.0])
    >>> after, state = Frozen().update(w, np.array([5.0]), Frozen().init(w))
    >>> after is w, state
    (True, {})
    """

    def init(self, params: Tree) -> State:
        floating("params", params)
        return {}

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        check_keys(self, state, ())
        matched("grads", grads, floating("params", params))
        return params, {}

    def attach(self, parameters: Sequence[Parameter]) -> None:
        check_parameters(parameters)

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)

    @property
    def state(self) -> State:
        return {}

    @property
    def rules(self) -> tuple[Rated, ...]:
        return ()

    def __repr__(self) -> str:
        return "Frozen()"


def _paths(params: Tree) -> dict[str, str]:
    """The path of each array of a tree by its name."""
    paths: dict[str, str] = {}
    for path, name in names(params).items():
        if name in paths:
            raise ValueError(f"`params`{paths[name]} and `params`{path} have the same name {name!r}; rename one")
        paths[name] = path
    return paths
