"""Base class of elementwise update rules."""

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
    """Scalars of consecutive updates of a rule, in at least one row; row 0 is for update number ``first + 1``."""

    first: int
    rows: list[tuple[float, ...]]


class ElementwiseOptimizer(Optimizer):
    """Base class of update rules that are elementwise.

    A subclass names its state in :attr:`slots`, gives its formula as ``rule(xp, w, g, *state, *scalars)``, elementwise
    and pure, and computes the scalars of an update in :meth:`scalars`.

    Examples
    --------
    Steps of one length in the direction of the gradient's sign:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import ElementwiseOptimizer
    >>> def sign_rule(xp, w, g, lr):
    ...     return (w - lr * xp.sign(g),)
    >>> @dataclass(eq=False)
    ... class SignDescent(ElementwiseOptimizer):
    ...     lr: float = 0.5
    ...
    ...     slots = ()
    ...     rule = staticmethod(sign_rule)
    ...
    ...     def scalars(self, t):
    ...         return (self.rate(t),)
    >>> rule, w = SignDescent(), np.array([1.0, 1.0])
    >>> rule.update(w, np.array([0.1, -100.0]), rule.init(w))
    (array([0.5, 1.5]), {'t': 1})
    """

    lr: float | Schedule
    weight_decay: float = 0.0  # multiplied by w and added to the gradient,
    decoupled: ClassVar[bool] = False  # unless the rule applies the weight decay itself

    counters = ("t",)
    children = MappingProxyType({})

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Names of the arrays of the state, in the order of the rule's arguments."""

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """Formula of the rule; options may select different formulas.

        Some backends compile a function of a module once. Such a function must have no ``if`` that depends on a scalar
        or an entry, and must depend on its arguments only. Closures and lambdas are not compiled.
        """

    @abstractmethod
    def scalars(self, t: Any) -> tuple[Any, ...]:
        """Return the scalar arguments of the rule for update number ``t`` (1 for the first)."""

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
        """Install the checks of the hyper-parameters with the first object of a class; each assignment runs them."""
        for each in fields(self):  # type: ignore[arg-type]
            check, kind = each.metadata.get("check"), type(self)
            if check is not None and not isinstance(getattr(kind, each.name, None), Option):
                own = Option(check)  # replaces the default that `dataclass` has set
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
            f"this {type(self).__name__} keeps {kept}, and its changed options need {wanted}; make a new optimizer"
        )


def hyperparameter(default: Any, check: Callable[[str, Any], Any], *, kw_only: bool = False) -> Any:
    """Return a dataclass field with a check of every value assigned, at construction and later.

    Parameters
    ----------
    default
        Default of the field.
    check
        Function of the field's name and a value that returns the value to keep, or raises an error.
    kw_only
        Whether the field is a keyword-only argument of the constructor, default False.
    """
    return field(default=default, kw_only=kw_only, metadata={"check": check})


def eps_places(eps: float, inside_sqrt: bool) -> tuple[float, float]:
    """Return the numbers added under a root and to the root; one of them is eps, the other one 0."""
    return (eps, 0.0) if inside_sqrt else (0.0, eps)
