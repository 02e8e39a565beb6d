"""The base class of elementwise update rules."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar

from cutedl_xp._options import Option
from cutedl_xp._typing import Array
from cutedl_xp.backends import Rule, backend_of
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree, apply_rule
from cutedl_xp.optimizers._validation import namespace
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import evaluate_schedule


@dataclass(frozen=True)
class ScalarTable:
    """The scalars of consecutive updates of a rule: one row or more, from update number ``first + 1`` on."""

    first: int
    rows: list[tuple[float, ...]]


class ElementwiseOptimizer(Optimizer):
    """An update rule whose updates are elementwise, with its hyper-parameters.

    A subclass names its state in :attr:`slots`, gives its formula as ``rule(xp, w, g, *state, *scalars)``, elementwise
    and pure, and computes the scalars of an update in :meth:`scalars`.
    """

    lr: float | Schedule
    weight_decay: float = 0.0  # times w, is added to the gradient,
    decoupled: ClassVar[bool] = False  # unless the rule itself takes it

    counters = ("t",)
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
    def rules(self) -> tuple[Optimizer, ...]:
        return (self,)

    def __post_init__(self) -> None:
        """Check the hyper-parameters of the first object of a class; each later assignment checks by itself."""
        for each in fields(self):  # type: ignore[arg-type]
            check, kind = each.metadata.get("check"), type(self)
            if check is not None and not isinstance(getattr(kind, each.name, None), Option):
                own = Option(check)  # `dataclass` leaves the default in its place
                own.__set_name__(kind, each.name)
                setattr(kind, each.name, own)
                setattr(self, each.name, vars(self)[each.name])

    def initial_slot(self, slot: str, w: Array) -> Array:
        value = self.slot_initial_values().get(slot, 0.0)
        return namespace(w).full_like(w, value) if value else super().initial_slot(slot, w)

    def next_scalars(self, state: State) -> tuple[Any, ...]:
        slots = self.slots
        if len(state) != 1 + len(slots) or not all(map(state.__contains__, slots)):
            self._refuse_changed_options(state)
        return self.scalars(state["t"] + 1)

    def scalar_tables(self, state: State, updates: int) -> ScalarTable:
        first = state["t"]
        return ScalarTable(first, [self.scalars(first + 1 + number) for number in range(max(updates, 1))])

    def read_scalars(self, state: State, tables: Any) -> tuple[Any, ...]:
        t, table = state["t"], tables["rows"]
        row = backend_of(table).row(table, t - tables["first"])
        return tuple(row[place] for place in range(row.shape[0]))

    def advance(self, state: State, updates: int) -> State:
        return {"t": state["t"] + updates}

    def program_key(self) -> tuple[Any, ...]:
        return (type(self), self.rule, self.slots, self.decoupled or self.weight_decay)

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        slots, decay = self.slots, 0.0 if self.decoupled else self.weight_decay
        trees = [params, *map(state.__getitem__, slots)]
        updated = apply_rule(self.rule, trees, grads, scalars, decay, donate=donate)
        state = {**state, "t": state["t"] + 1}
        if updated is not trees:
            state |= zip(slots, updated[1:], strict=True)
        return updated[0], state

    def learning_rates(self) -> dict[str, float]:
        return {"": float(self.rate(max(self.kept_state()["t"], 1)))}

    def _refuse_changed_options(self, state: State) -> None:
        kept, wanted = (", ".join(slots) or "nothing" for slots in ([key for key in state if key != "t"], self.slots))
        raise RuntimeError(
            f"this {type(self).__name__} has kept {kept}, and with the options that it has now it would keep {wanted}; "
            "make a new optimizer"
        )


def hyperparameter(default: Any, check: Callable[[str, Any], Any], *, kw_only: bool = False) -> Any:
    """Return a dataclass field with a check of every value assigned, at construction and later.

    Parameters
    ----------
    default
        Default of the field.
    check
        Function of the field's name and a value; it returns the value to keep, or raises.
    kw_only
        Whether the constructor takes the field by keyword alone.
    """
    return field(default=default, kw_only=kw_only, metadata={"check": check})


def eps_places(eps: float, inside_sqrt: bool) -> tuple[float, float]:
    """Return the summands under a root and beside it: eps at one of the two places."""
    return (eps, 0.0) if inside_sqrt else (0.0, eps)
