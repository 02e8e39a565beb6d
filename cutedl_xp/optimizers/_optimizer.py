"""The interface of all optimizers: a pure update of arrays, and a step that applies it to parameters."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from array_api_compat import is_array_api_obj

from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers._tree import Tree, flatten
from cutedl_xp.optimizers._validation import (
    check_floating,
    check_keys,
    check_matching,
    check_parameters,
    format_parameters,
)
from cutedl_xp.parameters import NamedArrays, Parameter, ParameterViews, view_parameters

State: TypeAlias = dict[str, Any]

_SWEEP_INTERVAL = 128
"""Updates between two searches for subnormal numbers. Where a unit is inactive or a pixel nearly always 0, means of
gradients decay to such numbers and stay there; an update of a layer in which they were a quarter took 1.5 times as
long."""


class Optimizer(ABC):
    """A rule or wrapper that turns gradients into updates of parameters.

    :meth:`init` and :meth:`update` are pure: they take arrays of any library and return new ones. :meth:`step` applies
    the same update to :class:`~cutedl_xp.Parameter` objects in place, and keeps the state.

    A subclass gives its algorithm in four methods: :meth:`init_own` and :meth:`check_own` describe the state that it
    keeps itself, :meth:`next_scalars` evaluates the numbers of the next update, and :meth:`apply` computes it.
    """

    lr: Any
    _own: State | None = None  # the part of the state that `step` keeps here; the children keep theirs
    _assigned: State | None = None  # a state assigned before the parameters were known
    _views: ParameterViews | None = None

    @property
    def children(self) -> Mapping[str, "Optimizer"]:
        """The optimizers within, by the keys of their states."""
        return {}

    @property
    @abstractmethod
    def own_keys(self) -> tuple[str, ...]:
        """The keys of the state that belong to this optimizer and not to its children."""

    @property
    @abstractmethod
    def rules(self) -> tuple["Optimizer", ...]:
        """The update rules within, each with its learning rate ``lr``."""

    @abstractmethod
    def init_own(self, params: Tree) -> State:
        """Return the initial values of ``own_keys``."""

    @abstractmethod
    def check_own(self, params: Tree, state: State) -> State:
        """Return the checked values of ``own_keys``, arrays in the structure of ``params``."""

    @abstractmethod
    def next_scalars(self, state: State) -> Any:
        """Return the numbers of the next update, such as learning rates; every schedule is evaluated here."""

    @abstractmethod
    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        """Compute :meth:`update` from checked arguments and the result of :meth:`next_scalars`."""

    def parts(self, params: Tree) -> Mapping[str, Tree]:
        """Return the parameters of each child; all by default."""
        return dict.fromkeys(self.children, params)

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
        check_floating("params", params)
        parts = self.parts(params)
        return {key: child.init(parts[key]) for key, child in self.children.items()} | self.init_own(params)

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
        check_floating("params", params)
        grads = check_matching("grads", grads, params)
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
        check_keys(self, state, (*self.children, *self.own_keys))
        parts = self.parts(params)
        checked = {key: child.check_state(parts[key], state[key]) for key, child in self.children.items()}
        return checked | self.check_own(params, state)

    def flush(self, params: Tree, state: State, *, donate: bool = False) -> tuple[Tree, State]:
        """Apply what is left at the end of a training: nothing, unless there is an ``Accumulate`` within.

        Parameters
        ----------
        params, state, donate
            As for :meth:`update`.

        Returns
        -------
        params, state
            As of :meth:`update`.
        """
        return params, state

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
        check_parameters(parameters)
        views = view_parameters(parameters)
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
        if views is None or parameters is not views.source:
            self.attach(parameters)
            views = self._attached_views
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
        self.attach(parameters)
        views = self._attached_views
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
        self._check_keys(state)
        self._assigned = _copy_state(state)

    @abstractmethod
    def learning_rates(self) -> dict[str, float]:
        """Return the rate of the last update, or of the first before any: under ``""``, or by the groups' patterns."""

    @property
    def _attached_views(self) -> ParameterViews:
        assert self._views is not None
        return self._views

    def _check_keys(self, state: Any) -> None:
        check_keys(self, state, (*self.children, *self.own_keys))

    def _kept_state(self) -> State:
        own = self.init_own({}) if self._own is None else self._own
        if not self.children:
            return own
        return {key: child._kept_state() for key, child in self.children.items()} | own

    def _keep_state(self, state: State) -> None:
        if not self.children:
            self._own = state
            return
        for key, child in self.children.items():
            child._keep_state(state[key])
        self._own = {key: state[key] for key in self.own_keys}

    def _view_parts(self, views: ParameterViews) -> Mapping[str, ParameterViews]:
        return dict.fromkeys(self.children, views)

    def _check_attachable(self, views: ParameterViews) -> None:
        """Refuse parameters that this optimizer or one within does not belong to, and states that do not fit them."""
        parts = self._view_parts(views)
        for key, child in self.children.items():
            child._check_attachable(parts[key])
        if self._assigned is not None:
            self.check_state(views.values, self._assigned)
        if self._views is None:
            return
        own, given = self._views.parameters, views.parameters
        if len(own) != len(given) or any(a is not b for a, b in zip(own, given, strict=True)):
            raise ValueError(
                f"this {type(self).__name__} keeps the state of other parameters ({format_parameters(own)}; "
                f"given {format_parameters(given)}); make a new optimizer for each model or group"
            )

    def _attach(self, views: ParameterViews) -> None:
        parts = self._view_parts(views)
        for key, child in self.children.items():
            child._attach(parts[key])
        self._views = views
        values = views.values
        self._own = self.init_own(values) if self._own is None else self.check_own(values, self._own)
        if self._assigned is not None:
            self._keep_state(self.check_state(values, self._assigned))
            self._assigned = None


def _copy_state(tree: Any) -> Any:
    if isinstance(tree, NamedArrays):
        tree = tree.views
    if isinstance(tree, dict):
        return {key: _copy_state(child) for key, child in tree.items()}
    return backend_of(tree).copy(tree) if is_array_api_obj(tree) else tree


def _remove_subnormals(state: State) -> None:
    """Set subnormal numbers to 0 in the state of each rule that has made a multiple of so many updates."""
    if "t" not in state:
        for child in state.values():
            if isinstance(child, dict):
                _remove_subnormals(child)
    elif state["t"] % _SWEEP_INTERVAL == 0 and state["t"]:
        for key, slot in state.items():
            if isinstance(slot, NamedArrays):
                pairs = zip(slot.backends, slot.runs, strict=True)
                state[key] = slot.with_runs([backend.without_subnormals(run) for backend, run in pairs])
