"""The pure interface of all optimizers: state and gradients go in, state and parameters come out."""

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
    """The part of an optimizer that keeps nothing.

    A subclass names its state in :attr:`counters` and :attr:`slots`, evaluates the numbers of an update in
    :meth:`next_scalars`, and computes it in :meth:`apply`.
    """

    lr: Any
    counters: tuple[str, ...] = ()
    """The integers of the state, such as the number of updates; initially 0."""

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays that are kept for each parameter."""
        return ()

    @property
    def children(self) -> Mapping[str, "PureOptimizer"]:
        """The optimizers within, by the keys of their states."""
        return MappingProxyType({})

    @property
    def state_keys(self) -> tuple[str, ...]:
        """The keys of the state."""
        return (*self.children, *self.counters, *self.slots)

    def initial_slot(self, slot: str, w: Array) -> Array:
        """Return the initial value of a slot of one parameter; zeros by default."""
        return _validation.namespace(w).zeros_like(w)

    def next_scalars(self, state: State) -> Any:
        """Return the numbers of the next update, such as learning rates; every schedule is evaluated here."""
        return {key: child.next_scalars(state[key]) for key, child in self.children.items()}

    def scalar_tables(self, state: State, updates: int) -> Any:
        """Return the results of :meth:`next_scalars` for the next updates, as tables for :meth:`read_scalars`.

        Parameters
        ----------
        state
            State of which the counters alone are read.
        updates
            Number of calls of :meth:`update` that the tables are for.
        """
        return {key: child.scalar_tables(state[key], updates) for key, child in self.children.items()}

    def read_scalars(self, state: State, tables: Any) -> Any:
        """Return the numbers of the next update from tables of arrays; the counters of the state are arrays."""
        return {key: child.read_scalars(state[key], tables[key]) for key, child in self.children.items()}

    def advance(self, state: State, updates: int) -> State | None:
        """Return the counters after so many calls of :meth:`update`, or None if they depend on the gradients."""
        nested = {key: child.advance(state[key], updates) for key, child in self.children.items()}
        return None if self.counters or None in nested.values() else nested

    def program_key(self) -> tuple[Any, ...]:
        """Return what a compiled update depends on beside its arguments, to compare with ``==``."""
        own = [(name, value) for name, value in vars(self).items() if name[0] != "_"]
        options = tuple((name, value) for name, value in own if not isinstance(value, PureOptimizer))
        return (type(self), options, tuple((key, child.program_key()) for key, child in self.children.items()))

    @abstractmethod
    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        """Compute :meth:`update` from checked arguments and the result of :meth:`next_scalars`."""

    def parts(self, params: Tree) -> dict[str, Tree]:
        """Return the parameters of each child; all by default."""
        return dict.fromkeys(self.children, params)

    def join(self, params: Tree, parts: Mapping[str, Tree], *, donate: bool) -> Tree:
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
            not be used again then. By default False: nothing that is handed in changes. Arrays that cannot be written
            to, or of which one is handed in twice, are left alone; parts of one array must not overlap.

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
        if donate:
            leaves: list[Any] = flatten([params, grads, state])
            arrays = [leaf for leaf in leaves if not isinstance(leaf, int)]
            alone = len({id(array) for array in arrays}) == len(arrays)
            donate = alone and all(backend_of(array).writable(array) for array in arrays)
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
        _validation.check_floating("params", params)
        checked = self.check_state(params, state)
        flushed, after = self.apply_flush(params, checked, self.flush_scalars(checked), donate=donate)
        return (params, state) if after is checked else (flushed, after)

    def flush_scalars(self, state: State) -> Any:
        """Return the numbers of :meth:`flush`; every schedule is evaluated here."""
        return {key: child.flush_scalars(state[key]) for key, child in self.children.items()}

    def apply_flush(self, params: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        """Compute :meth:`flush` from the result of :meth:`flush_scalars`; the same state if nothing is left."""
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
