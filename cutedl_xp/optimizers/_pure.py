"""Pure interface of all optimizers: functions of parameters, gradients and state."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from cutedl_xp._typing import Array
from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers import _validation
from cutedl_xp.optimizers._tree import Tree, flatten, unflatten

State: TypeAlias = dict[str, Any]


class PureOptimizer(ABC):
    """Base class of optimizers without a state of their own.

    A subclass names the parts of the state in :attr:`counters` and :attr:`slots`, evaluates the numbers of an update in
    :meth:`next_scalars`, and computes the update in :meth:`apply`.
    """

    lr: Any
    counters: tuple[str, ...] = ()
    """Names of the integers of the state, such as the number of updates; initially 0."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the arrays that the state has for each parameter."""
        return ()

    @property
    def children(self) -> Mapping[str, "PureOptimizer"]:
        """Optimizers within, by the keys of their states."""
        return MappingProxyType({})

    @property
    def state_keys(self) -> tuple[str, ...]:
        """Keys of the state."""
        return (*self.children, *self.counters, *self.slots)

    def initial_slot(self, slot: str, w: Array) -> Array:
        """Return the initial value of the slot named ``slot`` of a parameter ``w``; zeros by default."""
        return _validation.namespace(w).zeros_like(w)

    def next_scalars(self, state: State) -> Any:
        """Return the numbers of the update after ``state``, such as learning rates; this evaluates all schedules."""
        return {key: child.next_scalars(state[key]) for key, child in self.children.items()}

    def scalar_tables(self, state: State, updates: int) -> Any:
        """Return the results of :meth:`next_scalars` for the next updates, as tables for :meth:`read_scalars`.

        Parameters
        ----------
        state
            State, of which only the counters are read.
        updates
            Number of calls of :meth:`update` in the tables.
        """
        return {key: child.scalar_tables(state[key], updates) for key, child in self.children.items()}

    def read_scalars(self, state: State, tables: Any) -> Any:
        """Return the numbers of the next update from ``tables`` of arrays; the counters of ``state`` are arrays."""
        return {key: child.read_scalars(state[key], tables[key]) for key, child in self.children.items()}

    def advance(self, state: State, updates: int) -> State | None:
        """Return the counters of ``state`` after ``updates`` more updates, or None if they depend on the gradients."""
        nested = {key: child.advance(state[key], updates) for key, child in self.children.items()}
        return None if self.counters or None in nested.values() else nested

    def program_key(self) -> tuple[Any, ...]:
        """Return a value that is equal for optimizers whose compiled updates are the same functions."""
        own = [(name, value) for name, value in vars(self).items() if name[0] != "_"]
        options = tuple((name, value) for name, value in own if not isinstance(value, PureOptimizer))
        return (type(self), options, tuple((key, child.program_key()) for key, child in self.children.items()))

    @abstractmethod
    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        """Compute :meth:`update` without checks.

        Parameters
        ----------
        params, grads, state
            As for :meth:`update`.
        scalars
            Result of :meth:`next_scalars`.
        donate
            As for :meth:`update`.

        Returns
        -------
        params, state
            As for :meth:`update`.
        """

    def parts(self, params: Tree) -> dict[str, Tree]:
        """Return the part of ``params`` that belongs to each child; by default all parameters."""
        return dict.fromkeys(self.children, params)

    def join(self, params: Tree, parts: Mapping[str, Tree], *, donate: bool) -> Tree:
        """Return the parameters with new values from the children, the inverse of :meth:`parts`.

        Parameters
        ----------
        params
            Parameters before the update.
        parts
            New values of the parameters of each child.
        donate
            Whether the memory of ``params`` may be overwritten.
        """
        return next(iter(parts.values()), params)

    def init(self, params: Tree) -> State:
        """Return the state before the first update.

        Parameters
        ----------
        params
            Floating-point array of any supported library, or nested lists, tuples and dicts of such arrays.

        Returns
        -------
        dict
            State. The state of a rule has the number ``"t"`` of updates, initially 0, and arrays like ``params`` for
            each slot.

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

        All arguments are checked and all schedules are evaluated before the update is computed.

        Parameters
        ----------
        params, grads
            Parameters and their gradients, of the same structure, shapes, dtypes and library.
        state
            Result of :meth:`init` or of the previous update.
        donate
            Whether the memory of ``params``, ``grads`` and ``state`` may be overwritten with the results; do not use
            these arrays again then. The default is False, which changes no argument. The memory is not overwritten if
            an array cannot be written to or occurs twice. Slices of one array must not overlap.

        Returns
        -------
        params, state
            New parameters and state, of the same structure, shapes and dtypes.

        Raises
        ------
        TypeError
            If a gradient has another dtype or library than its parameter.
        ValueError
            If structures or shapes differ, or ``state`` is not a state of this optimizer.
        """
        _validation.check_floating("params", params)
        grads = _validation.check_matching("grads", grads, params)
        state = self.check_state(params, state)
        scalars = self.next_scalars(state)
        if donate:
            leaves: list[Any] = flatten([params, grads, state])
            arrays = [leaf for leaf in leaves if not isinstance(leaf, int)]
            alone = len({id(array) for array in arrays}) == len(arrays)
            donate = alone and all(backend_of(array).writable(array) for array in arrays)
        return self.apply(params, grads, state, scalars, donate=donate)

    def check_state(self, params: Tree, state: State) -> State:
        """Return ``state`` with its arrays in the structure of ``params``.

        Raises
        ------
        TypeError, ValueError
            If ``state`` is not a state of this optimizer for these parameters.
        """
        _validation.check_keys(self, state, self.state_keys)
        parts = self.parts(params)
        nested = {key: child.check_state(parts[key], state[key]) for key, child in self.children.items()}
        counts = {key: _validation.check_count(f"state[{key!r}]", state[key]) for key in self.counters}
        return nested | counts | {slot: _validation.check_matching(slot, state[slot], params) for slot in self.slots}

    def flush(self, params: Tree, state: State, *, donate: bool = False) -> tuple[Tree, State]:
        """Apply the remaining gradients of an ``Accumulate`` within at the end of a training, if there are any.

        Parameters
        ----------
        params, state, donate
            As for :meth:`update`.

        Returns
        -------
        params, state
            As for :meth:`update`; the same objects if no gradients remain.
        """
        _validation.check_floating("params", params)
        checked = self.check_state(params, state)
        flushed, after = self.apply_flush(params, checked, self.flush_scalars(checked), donate=donate)
        return (params, state) if after is checked else (flushed, after)

    def flush_scalars(self, state: State) -> Any:
        """Return the numbers of :meth:`flush` for ``state``; this evaluates all schedules."""
        return {key: child.flush_scalars(state[key]) for key, child in self.children.items()}

    def apply_flush(self, params: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        """Compute :meth:`flush` without checks.

        Parameters
        ----------
        params, state
            As for :meth:`flush`.
        scalars
            Result of :meth:`flush_scalars`.
        donate
            As for :meth:`flush`.

        Returns
        -------
        params, state
            As for :meth:`flush`.
        """
        parts, nested = self.parts(params), {}
        for key, child in self.children.items():
            parts[key], nested[key] = child.apply_flush(parts[key], state[key], scalars[key], donate=donate)
        if all(nested[key] is state[key] for key in nested):
            return params, state
        return self.join(params, parts, donate=donate), state | nested

    def _init_own(self, params: Tree) -> State:
        leaves = flatten(params)
        slots = {slot: unflatten(params, [self.initial_slot(slot, w) for w in leaves]) for slot in self.slots}
        return dict.fromkeys(self.counters, 0) | slots
