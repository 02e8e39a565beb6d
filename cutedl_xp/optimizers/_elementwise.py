"""The base class of elementwise update rules."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from cutedl_xp._typing import Array
from cutedl_xp.backends import Rule
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, apply_rule, flatten, unflatten
from cutedl_xp.optimizers._validation import check_count, check_matching, namespace
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import evaluate_schedule


class ElementwiseOptimizer(Optimizer):
    """An update rule whose updates are elementwise, with its hyper-parameters.

    A subclass names its state in :attr:`slots`, gives its formula as ``rule(xp, w, g, *state, *scalars)``, elementwise
    and pure, and computes the scalars of an update in :meth:`scalars`.
    """

    lr: float | Schedule
    weight_decay: float = 0.0  # times w, is added to the gradient,
    decoupled: ClassVar[bool] = False  # unless the rule itself takes it

    children = MappingProxyType({})

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays that the rule keeps beside ``w``, in its order."""

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """The formula; one for each choice of options that changes it.

        A function of a module is compiled where the library can: no ``if`` may ask for a scalar or an entry then, and
        nothing that it depends on may change. Closures and lambdas run uncompiled.
        """

    @abstractmethod
    def scalars(self, t: Any) -> tuple[Any, ...]:
        """Return the arguments of the rule after its arrays, for update number ``t`` (1 for the first)."""

    def slot_initial_values(self) -> Mapping[str, float]:
        """Return the initial values of slots (default 0)."""
        return {}

    def rate(self, t: Any) -> Any:
        """Return the learning rate of update number ``t`` (1 for the first)."""
        return evaluate_schedule("lr", self.lr, t - 1) if callable(self.lr) else self.lr

    @property
    def own_keys(self) -> tuple[str, ...]:
        return ("t", *self.slots)

    @property
    def rules(self) -> tuple[Optimizer, ...]:
        return (self,)

    def init_own(self, params: Tree) -> State:
        values = self.slot_initial_values()
        leaves = flatten(params)
        slots = {slot: [_full_like(w, values.get(slot, 0.0)) for w in leaves] for slot in self.slots}
        return {"t": 0} | {slot: unflatten(params, arrays) for slot, arrays in slots.items()}

    def check_own(self, params: Tree, state: State) -> State:
        count = check_count("state['t']", state["t"])
        return {"t": count} | {slot: check_matching(slot, state[slot], params) for slot in self.slots}

    def next_scalars(self, state: State) -> tuple[Any, ...]:
        return self.scalars(state["t"] + 1)

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        slots, decay = self.slots, 0.0 if self.decoupled else self.weight_decay
        try:
            trees = [params, *map(state.__getitem__, slots)]
        except KeyError:
            trees = []
        if len(state) != len(trees):
            self._refuse_changed_options(state)
        updated = apply_rule(self.rule, trees, grads, scalars, decay, donate=donate)
        state = {**state, "t": state["t"] + 1}
        if updated is not trees:
            state |= zip(slots, updated[1:], strict=True)
        return updated[0], state

    def learning_rates(self) -> dict[str, float]:
        return {"": float(self.rate(max(self._kept_state()["t"], 1)))}

    def _refuse_changed_options(self, state: State) -> None:
        kept, wanted = (", ".join(slots) or "nothing" for slots in ([key for key in state if key != "t"], self.slots))
        raise RuntimeError(
            f"this {type(self).__name__} has kept {kept}, and with the options that it has now it would keep {wanted}; "
            "make a new optimizer"
        )


def eps_places(eps: float, inside_sqrt: bool) -> tuple[float, float]:
    """Return the summands under a root and beside it: eps at one of the two places."""
    return (eps, 0.0) if inside_sqrt else (0.0, eps)


def _full_like(w: Array, value: float) -> Array:
    return namespace(w).full_like(w, value) if value else namespace(w).zeros_like(w)
