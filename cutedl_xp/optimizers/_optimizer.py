"""Optimizers: pure updates of arrays, and steps that apply them to parameters."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from array_api_compat import is_array_api_obj

from cutedl_xp._compilable import Compilable
from cutedl_xp._familiar import OF_OPTIMIZERS, check_assignment, find_attribute
from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers import _validation
from cutedl_xp.optimizers._pure import PureOptimizer, State
from cutedl_xp.parameters import NamedArrays, Parameter, ParameterViews

_SWEEP_INTERVAL = 128
"""Updates between two searches for subnormal numbers. Where a unit is inactive or a pixel nearly always 0, means of
gradients decay to such numbers and stay there; an update of a layer in which they were a quarter took 1.5 times as
long."""


class Optimizer(Compilable, PureOptimizer):
    """A rule or wrapper that turns gradients into updates of parameters.

    :meth:`init` and :meth:`update` are pure: they take arrays of any library and return new ones. :meth:`step` applies
    the same update to :class:`~cutedl_xp.Parameter` objects in place, and keeps the state.

    Attributes
    ----------
    compilable
        Whether the optimizer may be part of a compiled training step, by default False. A class that sets it to True in
        its own body promises that :meth:`apply` contains no Python branch on the values of arrays and computes with
        nothing that changes during a training except its arguments. Subclasses do not inherit it. A wrapper is compiled
        if the optimizers within it are compilable as well.
    """

    _own: State | None = None  # the part of the state that `step` keeps here; the children keep theirs
    _assigned: State | None = None  # a state assigned before the parameters were known
    _views: ParameterViews | None = None

    if not TYPE_CHECKING:  # a type checker would accept any attribute

        def __getattr__(self, name: str) -> Any:
            return find_attribute(self, name, OF_OPTIMIZERS)

        def __setattr__(self, name: str, value: Any) -> None:
            if not hasattr(type(self), name):
                check_assignment(self, name, OF_OPTIMIZERS, strict=True)
            object.__setattr__(self, name, value)

    @property
    def children(self) -> Mapping[str, "Optimizer"]:
        return MappingProxyType({})

    @property
    def all(self) -> tuple["Optimizer", ...]:
        """The optimizer itself and those within."""
        return (self, *[each for child in self.children.values() for each in child.all])

    @property
    def rules(self) -> tuple["Optimizer", ...]:
        """The update rules within, each with its learning rate ``lr``."""
        return tuple(rule for child in self.children.values() for rule in child.rules)

    def learning_rates(self) -> dict[str, float]:
        """Return the rate of the last update, or of the first before any: under ``""``, or by the groups' patterns."""
        return {name: rate for child in self.children.values() for name, rate in child.learning_rates().items()}

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
        before = self.kept_state() if nested or self._own is None else self._own
        updated, state = self.apply(values, views.gradients, before, self.next_scalars(before), donate=True)
        if updated is not values:
            views.assign(updated)
        if nested or state.get("t", 1) % _SWEEP_INTERVAL == 0:
            _remove_subnormals(before, state)
        self.keep_state(state)

    def finish(self, parameters: Sequence[Parameter]) -> None:
        """Apply :meth:`flush` to parameters in place; ``Session.fit`` does so after its last epoch.

        Parameters
        ----------
        parameters
            As for :meth:`step`.
        """
        views = self._attached(parameters)
        values, state = self.flush(views.values, self.kept_state(), donate=True)
        views.assign(values)
        self.keep_state(state)

    @property
    def state(self) -> State:
        """The state that :meth:`step` keeps, with copies of the arrays by the names of the parameters.

        A state can be assigned, also before the first step, which then checks it; the arrays are copied, and may be
        NumPy arrays. An optimizer of the same class and options continues from it with the same bits.
        """
        state: State = _copy_state(self.kept_state())
        return state

    @state.setter
    def state(self, state: State) -> None:
        _validation.check_keys(self, state, self.state_keys)
        if self._views is not None:
            self._views.refresh()
            values = self._views.values
            checked = self.init(values) if _is_initial(state) else self.check_state(values, state)
            self.keep_state(_in_memory_of(self.kept_state(), checked))
            return
        self._assigned = None if _is_initial(state) else _copy_state(state)

    @property
    def attached(self) -> bool:
        """Whether this optimizer belongs to the parameters of a model, as after the first step."""
        return self._views is not None

    @property
    def views(self) -> ParameterViews:
        """The parameters that this optimizer is attached to."""
        assert self._views is not None
        return self._views

    def kept_state(self) -> State:
        """Return the state that :meth:`step` keeps itself, not a copy."""
        if self._assigned is not None:
            return self._assigned
        own = self._init_own({}) if self._own is None else self._own
        if not self.children:
            return own
        return {key: child.kept_state() for key, child in self.children.items()} | own

    def keep_state(self, state: State) -> None:
        """Replace the state that :meth:`step` keeps."""
        if not self.children:
            vars(self)["_own"] = state  # without `__setattr__`, which would cost each step time
            return
        for key, child in self.children.items():
            child.keep_state(state[key])
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
            others = "those of another model" if others == names else others
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
            self.keep_state(self.check_state(views.values, self._assigned))
            self._assigned = None


def _is_initial(state: Any) -> bool:
    """Return whether a state was read before the parameters were known."""
    return all(map(_is_initial, state.values())) if isinstance(state, dict) else isinstance(state, int) and state == 0


def _in_memory_of(old: State, new: State) -> State:
    """Return a new state in the memory of an old one where that can be written to: compiled steps know its address."""
    found: State = {}
    for key, child in new.items():
        target = old.get(key)
        if isinstance(child, dict) and isinstance(target, dict):
            found[key] = _in_memory_of(target, child)
        elif isinstance(target, NamedArrays) and target.in_place and isinstance(child, NamedArrays):
            found[key] = target.overwritten_with(child)
        else:
            found[key] = child
    return found


def _copy_state(tree: Any) -> Any:
    if isinstance(tree, NamedArrays):
        tree = tree.views
    if isinstance(tree, dict):
        return {key: _copy_state(child) for key, child in tree.items()}
    return backend_of(tree).copy(tree) if is_array_api_obj(tree) else tree


def _remove_subnormals(before: State, after: State) -> bool:
    """Set subnormal numbers to 0 where a rule has just made a multiple of so many updates; return whether one has."""
    due = "t" in after and after["t"] != before["t"] and after["t"] % _SWEEP_INTERVAL == 0
    for key, child in after.items():
        if isinstance(child, dict):
            due = _remove_subnormals(before[key], child) or due
    for key, slot in after.items():
        if due and isinstance(slot, NamedArrays):
            pairs = zip(slot.backends, slot.runs, strict=True)
            after[key] = slot.with_runs([backend.without_subnormals(run) for backend, run in pairs])
    return due
