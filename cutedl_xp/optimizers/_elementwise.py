"""What all elementwise rules share: how they run on trees of arrays and on parameters, with what they keep."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from cutedl_xp._typing import Array
from cutedl_xp.backends import Rule, backend_of
from cutedl_xp.optimizers._kept import Kept
from cutedl_xp.optimizers._optimizer import Optimizer, Rated, State
from cutedl_xp.optimizers._tree import Tree, rebuild
from cutedl_xp.optimizers._validation import check_keys, counted, floating, matched, namespace
from cutedl_xp.parameter import Parameter
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import evaluate_schedule

_SWEEP = 128
"""Updates from one search for subnormal numbers to the next. Where a unit has died or a pixel is nearly always 0, means
of gradients decay to such numbers and stay there; an update of a layer in which they are a quarter took 1.5 times as
long."""


class ElementwiseOptimizer(Optimizer):
    """An update rule with its hyper-parameters, in which every entry lives a life of its own.

    A rule names its state in ``slots``, gives its formula as ``rule(xp, w, g, *state, *scalars)``, elementwise and
    pure, and works out the scalars of an update in :meth:`scalars`.
    """

    lr: float | Schedule
    weight_decay: float = 0.0  # times w, is added to the gradient,
    decoupled: ClassVar[bool] = False  # unless the rule itself takes it

    _kept: Kept | None = None  # an array for each of slots
    _slots: tuple[str, ...]  # as they were when it was attached
    _t: int = 0

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays that the rule keeps beside ``w``, in its order."""

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """The formula; one for each choice of options that changes it.

        A function of a module is compiled where the library can: no ``if`` may ask for a scalar or an entry then, and
        nothing that it depends on may change. Others run as they are.
        """

    @abstractmethod
    def scalars(self, t: Any) -> tuple[Any, ...]:
        """What the rule takes after its arrays, for update number ``t`` (1 for the first)."""

    def starts(self) -> Mapping[str, float]:
        """What slots are filled with at first, where it is not 0."""
        return {}

    def rate(self, t: Any) -> Any:
        """The learning rate of update number ``t`` (1 for the first)."""
        return evaluate_schedule("lr", self.lr, t - 1) if callable(self.lr) else self.lr

    def learning_rates(self) -> dict[str, float]:
        return {"": self.rate(max(self._t, 1))}

    def init(self, params: Tree) -> State:
        arrays = floating("params", params)
        return {"t": 0} | {
            slot: rebuild(params, {path: self._start(w, slot) for path, w in arrays.items()}) for slot in self.slots
        }

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        check_keys(self, state, ("t", *self.slots))
        arrays = floating("params", params)
        columns = [matched("grads", grads, arrays), *(matched(slot, state[slot], arrays) for slot in self.slots)]
        t = counted("state['t']", state["t"]) + 1
        scalars = self.scalars(t)
        rule, decay = self.rule, self._added_decay()
        results = {
            path: backend_of(w).rule_results(rule, [w, *(column[path] for column in columns)], scalars, decay)
            for path, w in arrays.items()
        }
        parts = [rebuild(params, {path: result[i] for path, result in results.items()}) for i in range(len(columns))]
        return parts[0], {"t": t} | dict(zip(self.slots, parts[1:], strict=True))

    def _start(self, w: Array, slot: str) -> Array:
        start = self.starts().get(slot)
        return namespace(w).full_like(w, start) if start else namespace(w).zeros_like(w)

    def _added_decay(self) -> float:
        return 0.0 if self.decoupled else self.weight_decay

    @property
    def rules(self) -> tuple[Rated, ...]:
        return (self,)

    def attach(self, parameters: Sequence[Parameter]) -> None:
        if self._kept is None:
            starts = [partial(self._start, slot=slot) for slot in self.slots]
            self._kept = Kept(type(self).__name__, parameters, starts)
            self._slots = self.slots
        else:
            self._kept.check_same(parameters)

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)
        assert self._kept is not None
        if self.slots != self._slots:
            was, now = (", ".join(slots) or "nothing" for slots in (self._slots, self.slots))
            raise RuntimeError(
                f"this {type(self).__name__} has kept {was}, and with the options that it has now it would keep {now}; "
                "make a new optimizer"
            )
        rule, scalars, decay = self.rule, self.scalars(self._t + 1), self._added_decay()
        for target, kept in self._kept.pairs():
            arrays = [target.value, target.gradient, *kept]
            target.value, *kept[:] = target.backend.apply_rule(rule, arrays, scalars, decay)
        self._t += 1
        if self._t % _SWEEP == 0:
            self._sweep()

    def _sweep(self) -> None:
        assert self._kept is not None
        for target, kept in self._kept.pairs():
            kept[:] = [target.backend.without_subnormals(array) for array in kept]

    @property
    def state(self) -> State:
        return {"t": self._t} | {
            slot: self._kept.by_name(place) if self._kept and self._t else {} for place, slot in enumerate(self.slots)
        }


def eps_places(eps: float, inside_sqrt: bool) -> tuple[float, float]:
    """What is added under a root, and to it: eps at one of the two places."""
    return (eps, 0.0) if inside_sqrt else (0.0, eps)
