"""The interface of all optimizers: a pure update of arrays, and a step that applies it to parameters."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from array_api_compat import is_array_api_obj

from cutedl_xp._typing import Array
from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers import _validation
from cutedl_xp.optimizers._tree import Tree, flatten, unflatten
from cutedl_xp.parameters import NamedArrays, Parameter, ParameterViews

State: TypeAlias = dict[str, Any]

_SWEEP_INTERVAL = 128
"""Updates between two searches for subnormal numbers. Where a unit is inactive or a pixel nearly always 0, means of
gradients decay to such numbers and stay there; an update of a layer in which they were a quarter took 1.5 times as
long."""


class Optimizer(ABC):
    """A rule or wrapper that turns gradients into updates of parameters.

    :meth:`init` and :meth:`update` are pure: they take arrays of any library and return new ones. :meth:`step` applies
    the same update to :class:`~cutedl_xp.Parameter` objects in place, and keeps the state.

    A subclass names its state in :attr:`counters` and :attr:`slots`, evaluates the numbers of an update in
    :meth:`next_scalars`, and computes it in :meth:`apply`.
    """

    lr: Any
    counters: tuple[str, ...] = ()
    """The integers of the state, such as the number of updates; initially 0."""

    _own: State | None = None  # the part of the state that `step` keeps here; the children keep theirs
    _assigned: State | None = None  # a state assigned before the parameters were known
    _views: ParameterViews | None = None

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays that are kept for each parameter."""
        return ()

    @property
    def children(self) -> Mapping[str, "Optimizer"]:
        """The optimizers within, by the keys of their states."""
        return MappingProxyType({})

    @property
    def state_keys(self) -> tuple[str, ...]:
        """The keys of the state."""
        return (*self.children, *self.counters, *self.slots)

    @property
    def rules(self) -> tuple["Optimizer", ...]:
        """The update rules within, each with its learning rate ``lr``."""
        return tuple(rule for child in self.children.values() for rule in child.rules)

    def learning_rates(self) -> dict[str, float]:
        """Return the rate of the last update, or of the first before any: under ``""``, or by the groups' patterns."""
        return {name: rate for child in self.children.values() for name, rate in child.learning_rates().items()}

    def initial_slot(self, slot: str, w: Array) -> Array:
        """Return the initial value of a slot of one parameter; zeros by default."""
        return _validation.namespace(w).zeros_like(w)

    def next_scalars(self, state: State) -> Any:
        """Return the numbers of the next update, such as learning rates; every schedule is evaluated here."""
        return {key: child.next_scalars(state[key]) for key, child in self.children.items()}

    @abstractmethod
    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        """Compute :meth:`update` from checked arguments and the result of :meth:`next_scalars`."""

    def parts(self, params: Tree) -> dict[str, Tree]:
        """Return the parameters of each child; all by default."""
        return dict.fromkeys(self.children, params)

    def join(self, params: Tree, parts: Mapping[str, Tree]) -> Tree:
        """Return parameters with those of the children in their place, the inverse of :meth:`parts`."""
        return next(iter(parts.values()), params)

    def init(self, params: Tree) -> State:
        """Return the state before the first update.

        Parameters
        ----------
        params
            A floating-point array, or nested lists, tuples and dicts of them, of any supported library.

        Returns
        -------
        dict
            For a rule ``"t"``: 0, the number of updates so far; and for each slot arrays like ``params``.

        Raises
        ------
        TypeError
            If a leaf is not a floating-point array.
        """
        _validation.check_floating("params", params)
        parts = self.parts(params)
        return {key: child.init(parts[key]) for key, child in self.children.items()} | self._init_own(params)

    def update(self, params: Tree, grads: Tree, state: State, *, donate: bool = False) -> tuple[Tree, State]:
        """Return the parameters and the state after one update.

        Everything is checked, and every schedule evaluated, before anything is computed.

        Parameters
        ----------
        params, grads
            Parameters and their gradients: the same structure, shapes, dtypes and library.
        state
            The result of :meth:`init` or of the update before.
        donate
            Whether the memory of ``params``, ``grads`` and ``state`` may be overwritten with the results; they must
            not be used again then. By default False: nothing that is handed in changes.

        Returns
        -------
        params, state
            The new ones, in the structure, shapes and dtypes of the old.

        Raises
        ------
        TypeError
            If a gradient has another dtype or library than its parameter.
        ValueError
            If structures or shapes differ, or ``state`` is not one of this optimizer.
        """
        _validation.check_floating("params", params)
        grads = _validation.check_matching("grads", grads, params)
        state = self.check_state(params, state)
        scalars = self.next_scalars(state)
        leaves: list[Any] = flatten([params, grads, state]) if donate else []
        donate = donate and all(isinstance(leaf, int) or backend_of(leaf).writable(leaf) for leaf in leaves)
        return self.apply(params, grads, state, scalars, donate=donate)

    def check_state(self, params: Tree, state: State) -> State:
        """Return a state with its arrays in the structure of ``params``.

        Raises
        ------
        TypeError, ValueError
            If it is not a state of this optimizer for these parameters.
        """
        _validation.check_keys(self, state, self.state_keys)
        parts = self.parts(params)
        nested = {key: child.check_state(parts[key], state[key]) for key, child in self.children.items()}
        counts = {key: _validation.check_count(f"state[{key!r}]", state[key]) for key in self.counters}
        return nested | counts | {slot: _validation.check_matching(slot, state[slot], params) for slot in self.slots}

    def flush(self, params: Tree, state: State, *, donate: bool = False) -> tuple[Tree, State]:
        """Apply what is left at the end of a training: nothing, unless there is an ``Accumulate`` within.

        Parameters
        ----------
        params, state, donate
            As for :meth:`update`.

        Returns
        -------
        params, state
            As of :meth:`update`; the same objects if nothing was left.
        """
        parts, nested = self.parts(params), {}
        for key, child in self.children.items():
            parts[key], nested[key] = child.flush(parts[key], state[key], donate=donate)
        if all(nested[key] is state[key] for key in nested):
            return params, state
        return self.join(params, parts), state | nested

    def attach(self, parameters: Sequence[Parameter]) -> None:
        """Bind this optimizer to the parameters that :meth:`step` updates; the first step does so by itself.

        Raises
        ------
        TypeError, ValueError
            If they are no parameters with different names, if this optimizer belongs to others, or if a state that was
            assigned does not fit them.
        """
        if self._views is not None and parameters is self._views.source:
            return
        _validation.check_parameters(parameters)
        views = ParameterViews(parameters)
        self._check_attachable(views)
        if self._views is None:
            self._attach(views)

    def step(self, parameters: Sequence[Parameter]) -> None:
        """Update parameters in place from their gradients.

        Parameters
        ----------
        parameters
            ``model.parameters``, updated with one call for each contiguous run, or any sequence of parameters with
            different names. The optimizer belongs to the parameters of the first call.

        Notes
        -----
        Equivalent to :meth:`update` with ``donate=True``, except that every 128 updates subnormal numbers of the state
        become 0, because processors take long to compute with them.

        Raises
        ------
        ValueError
            If they are not the parameters of the first call.
        """
        views = self._views
        if views is None or parameters is not views.source or not views.fixed:
            views = self._attached(parameters)
        nested, values = bool(self.children), views.values
        state = self._kept_state() if nested or self._own is None else self._own
        updated, state = self.apply(values, views.gradients, state, self.next_scalars(state), donate=True)
        if updated is not values:
            views.assign(updated)
        if nested or state.get("t", 1) % _SWEEP_INTERVAL == 0:
            _remove_subnormals(state)
        self._keep_state(state)

    def finish(self, parameters: Sequence[Parameter]) -> None:
        """Apply :meth:`flush` to parameters in place; ``Session.fit`` does so after its last epoch.

        Parameters
        ----------
        parameters
            As for :meth:`step`.
        """
        views = self._attached(parameters)
        values, state = self.flush(views.values, self._kept_state(), donate=True)
        views.assign(values)
        self._keep_state(state)

    @property
    def state(self) -> State:
        """The state that :meth:`step` keeps, with copies of the arrays by the names of the parameters.

        A state can be assigned, also before the first step, which then checks it; the arrays are copied, and may be
        NumPy arrays. An optimizer of the same class and options continues from it with the same bits.
        """
        state: State = _copy_state(self._kept_state() if self._assigned is None else self._assigned)
        return state

    @state.setter
    def state(self, state: State) -> None:
        if self._views is not None:
            self._keep_state(self.check_state(self._views.values, state))
            return
        _validation.check_keys(self, state, self.state_keys)
        self._assigned = _copy_state(state)

    def _init_own(self, params: Tree) -> State:
        leaves = flatten(params)
        slots = {slot: unflatten(params, [self.initial_slot(slot, w) for w in leaves]) for slot in self.slots}
        return dict.fromkeys(self.counters, 0) | slots

    def _kept_state(self) -> State:
        own = self._init_own({}) if self._own is None else self._own
        if not self.children:
            return own
        return {key: child._kept_state() for key, child in self.children.items()} | own

    def _keep_state(self, state: State) -> None:
        if not self.children:
            self._own = state
            return
        for key, child in self.children.items():
            child._keep_state(state[key])
        self._own = {key: state[key] for key in (*self.counters, *self.slots)}

    def _attached(self, parameters: Sequence[Parameter]) -> ParameterViews:
        self.attach(parameters)
        assert self._views is not None
        self._views.refresh()
        return self._views

    def _check_attachable(self, views: ParameterViews) -> None:
        """Refuse parameters that this optimizer or one within does not belong to, and states that do not fit them."""
        parts = self.parts(views.values)
        for key, child in self.children.items():
            child._check_attachable(views.select(parts[key].layout))
        if self._assigned is not None:
            self.check_state(views.values, self._assigned)
        own, given = views.parameters if self._views is None else self._views.parameters, views.parameters
        if len(own) != len(given) or any(a is not b for a, b in zip(own, given, strict=True)):
            names, others = _validation.format_parameters(own), _validation.format_parameters(given)
            raise ValueError(
                f"this {type(self).__name__} keeps the state of other parameters ({names}; given {others}); "
                "make a new optimizer for each model or group"
            )

    def _attach(self, views: ParameterViews) -> None:
        parts = self.parts(views.values)
        for key, child in self.children.items():
            child._attach(views.select(parts[key].layout))
        self._views, own = views, self._init_own(views.values) if self._own is None else self._own
        self._own = own | {
            slot: _validation.check_matching(slot, own[slot], views.values) for slot in self.slots if slot in own
        }
        if self._assigned is not None:
            self._keep_state(self.check_state(views.values, self._assigned))
            self._assigned = None


def _copy_state(tree: Any) -> Any:
    if isinstance(tree, NamedArrays):
        tree = tree.views
    if isinstance(tree, dict):
        return {key: _copy_state(child) for key, child in tree.items()}
    return backend_of(tree).copy(tree) if is_array_api_obj(tree) else tree


def _remove_subnormals(state: State) -> None:
    """Set subnormal numbers to 0 in the state of each rule that has made a multiple of so many updates."""
    due = state.get("t", 1) % _SWEEP_INTERVAL == 0
    for key, value in state.items():
        if isinstance(value, dict):
            _remove_subnormals(value)
        elif due and isinstance(value, NamedArrays):
            pairs = zip(value.backends, value.runs, strict=True)
            state[key] = value.with_runs([backend.without_subnormals(run) for backend, run in pairs])
