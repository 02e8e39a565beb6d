"""Optimizers: pure updates of arrays, and steps that apply them to parameters."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cutedl_xp._compilable import Compilable
from cutedl_xp._familiar import OF_OPTIMIZERS, check_assignment, find_attribute
from cutedl_xp.optimizers import _validation
from cutedl_xp.optimizers._pure import PureOptimizer, State
from cutedl_xp.optimizers._states import SWEEP_INTERVAL, copy_state, in_memory_of, is_initial, remove_subnormals
from cutedl_xp.parameters import Parameter, ParameterViews


class Optimizer(Compilable, PureOptimizer):
    """Base class of rules and wrappers, which turn gradients into updates of parameters.

    :meth:`init` and :meth:`update` are pure: they take arrays of any library and return new ones. :meth:`step` applies
    the same update to :class:`~cutedl_xp.Parameter` objects in place, and keeps the state.

    Attributes
    ----------
    compilable
        Whether the optimizer may be part of a compiled training step, by default False. A class that sets it to True in
        its own body promises that :meth:`apply` contains no Python branch on the values of arrays and computes with
        nothing that changes during a training except its arguments. Subclasses do not inherit it. A wrapper is compiled
        if the optimizers within it are compilable as well.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> optimizer = cdl.optimizers.Fixed(lr=0.5)
    >>> params, grads = {"w": np.array([1.0, 2.0])}, {"w": np.array([2.0, 0.0])}
    >>> params, state = optimizer.update(params, grads, optimizer.init(params))
    >>> params, state
    ({'w': array([0., 2.])}, {'t': 1})
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1)]).assemble("numpy")
    >>> bias = model.parameters[1]
    >>> bias.gradient = np.ones(1, dtype="float32")
    >>> optimizer.step(model.parameters)
    >>> bias.value.tolist(), optimizer.state
    ([-0.5], {'t': 1})
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
        """Optimizer itself and all optimizers within."""
        return (self, *[each for child in self.children.values() for each in child.all])

    @property
    def rules(self) -> tuple["Optimizer", ...]:
        """Update rules within, each with its learning rate ``lr``."""
        return tuple(rule for child in self.children.values() for rule in child.rules)

    def learning_rates(self) -> dict[str, float]:
        """Return the rate of the last update, or else of the first: under ``""``, or by the patterns of groups."""
        return {name: rate for child in self.children.values() for name, rate in child.learning_rates().items()}

    def attach(self, parameters: Sequence[Parameter]) -> None:
        """Bind this optimizer to the parameters that :meth:`step` updates; the first step does so by itself.

        Parameters
        ----------
        parameters
            As for :meth:`step`.

        Raises
        ------
        TypeError, ValueError
            If ``parameters`` are not parameters with different names, if this optimizer belongs to other parameters, or
            if an assigned state does not fit these.
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

        Raises
        ------
        ValueError
            If ``parameters`` are not the parameters of the first call.

        Notes
        -----
        Equivalent to :meth:`update` with ``donate=True``, except that every 128 updates subnormal numbers of the state
        become 0, because processors take long to compute with them.
        """
        views = self._views
        if views is None or parameters is not views.source or not views.fixed:
            views = self._attached(parameters)
        nested, values = bool(self.children), views.values
        before = self.kept_state() if nested or self._own is None else self._own
        updated, state = self.apply(values, views.gradients, before, self.next_scalars(before), donate=True)
        if updated is not values:
            views.assign(updated)
        if nested or state.get("t", 1) % SWEEP_INTERVAL == 0:
            remove_subnormals(before, state)
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
        """State that :meth:`step` keeps, with copies of the arrays by the names of the parameters.

        A state can be assigned. Its arrays are copied, and may be NumPy arrays. A state that is assigned before the
        first step is checked in the first step. An optimizer of the same class and options continues from the state
        with bitwise equal results.
        """
        state: State = copy_state(self.kept_state())
        return state

    @state.setter
    def state(self, state: State) -> None:
        _validation.check_keys(self, state, self.state_keys)
        if self._views is not None:
            self._views.refresh()
            values = self._views.values
            checked = self.init(values) if is_initial(state) else self.check_state(values, state)
            self.keep_state(in_memory_of(self.kept_state(), checked))
            return
        self._assigned = None if is_initial(state) else copy_state(state)

    @property
    def attached(self) -> bool:
        """Whether this optimizer is attached to parameters, as after the first step."""
        return self._views is not None

    @property
    def views(self) -> ParameterViews:
        """Views of the parameters that this optimizer is attached to."""
        assert self._views is not None
        return self._views

    def kept_state(self) -> State:
        """Return the state that :meth:`step` keeps, without a copy."""
        if self._assigned is not None:
            return self._assigned
        own = self._init_own({}) if self._own is None else self._own
        if not self.children:
            return own
        return {key: child.kept_state() for key, child in self.children.items()} | own

    def keep_state(self, state: State) -> None:
        """Replace the state that :meth:`step` keeps by ``state``."""
        if not self.children:
            vars(self)["_own"] = state  # without `__setattr__`, which takes time in each step
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
        """Refuse parameters if this optimizer or one within belongs to others or has a state that does not fit."""
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
