"""What all elementwise rules share: how they run on trees of arrays and on parameters, with what they keep."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeGuard

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule, decayed
from cutedl_xp.optimizers._arguments import (
    check_keys,
    check_parameters,
    floating,
    matched,
    named,
    namespace,
    number_of_updates,
)
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, rebuild
from cutedl_xp.parameter import Parameter, Parameters, unflatten
from cutedl_xp.schedules import Schedule
from cutedl_xp.schedules._schedule import scheduled

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

    _parameters: Sequence[Parameter] | None = None
    _targets: Sequence[Parameter]  # what an update goes through
    _kept: dict[str, list[Array]]  # for the name of each of them, an array for each of slots
    _slots: tuple[str, ...]  # as they were when it was attached
    _t: int = 0

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays that the rule keeps beside ``w``, in its order."""

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """The formula; one for each choice of options that changes it."""

    @abstractmethod
    def scalars(self, t: Any) -> tuple[Any, ...]:
        """What the rule takes after its arrays, for update number ``t`` (1 for the first)."""

    def starts(self) -> Mapping[str, float]:
        """What slots are filled with at first, where it is not 0."""
        return {}

    def rate(self, t: Any) -> Any:
        """The learning rate of update number ``t`` (1 for the first)."""
        return scheduled("lr", self.lr, t - 1) if callable(self.lr) else self.lr

    def init(self, params: Tree) -> State:
        arrays = floating("params", params)
        return {"t": 0} | {
            slot: rebuild(params, {path: self._start(namespace(w), w, slot) for path, w in arrays.items()})
            for slot in self.slots
        }

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        check_keys(self, state, ("t", *self.slots))
        arrays = floating("params", params)
        columns = [matched("grads", grads, arrays), *(matched(slot, state[slot], arrays) for slot in self.slots)]
        t = number_of_updates(state["t"]) + 1
        scalars = self.scalars(t)
        results = {
            path: self._updated(namespace(w), [w, *(column[path] for column in columns)], scalars)
            for path, w in arrays.items()
        }
        parts = [rebuild(params, {path: result[i] for path, result in results.items()}) for i in range(len(columns))]
        return parts[0], {"t": t} | dict(zip(self.slots, parts[1:], strict=True))

    def _updated(self, xp: Namespace, arrays: list[Array], scalars: tuple[Any, ...]) -> list[Array]:
        w, g, *state = arrays
        decay = self._added_decay()
        results = self.rule(xp, w, decayed(w, g, decay) if decay else g, *state, *scalars)
        # NumPy turns 0-d arrays into scalars, and where t is an array, it may have promoted the results
        return [xp.asarray(result, dtype=arrays[0].dtype) for result in results]

    def _start(self, xp: Namespace, w: Array, slot: str) -> Array:
        start = self.starts().get(slot)
        return xp.full_like(w, start) if start else xp.zeros_like(w)

    def _added_decay(self) -> float:
        return 0.0 if self.decoupled else self.weight_decay

    def attach(self, parameters: Sequence[Parameter]) -> None:
        if self._parameters is None:
            self._adopt(parameters)
        else:
            self._check_same(parameters, self._parameters)

    def step(self, parameters: Sequence[Parameter]) -> None:
        if parameters is not self._parameters:
            self.attach(parameters)
        if self.slots != self._slots:
            was, now = (", ".join(slots) or "nothing" for slots in (self._slots, self.slots))
            raise RuntimeError(
                f"this {type(self).__name__} has kept {was}, and with the options that it has now it would keep {now}; "
                "make a new optimizer"
            )
        scalars, decay = self.scalars(self._t + 1), self._added_decay()
        for target in self._targets:
            arrays = [target.value, target.gradient, *self._kept[target.name]]
            target.value, *self._kept[target.name] = target.backend.apply_rule(self.rule, arrays, scalars, decay)
        self._t += 1
        if self._t % _SWEEP == 0:
            self._sweep()

    def _sweep(self) -> None:
        for target in self._targets:
            self._kept[target.name] = [target.backend.without_subnormals(each) for each in self._kept[target.name]]

    @property
    def state(self) -> State:
        return {"t": self._t} | {slot: self._slot(place) if self._t else {} for place, slot in enumerate(self.slots)}

    def _slot(self, place: int) -> dict[str, Array]:
        return by_parameter(self._parameters, {name: kept[place] for name, kept in self._kept.items()})

    def _adopt(self, parameters: Sequence[Parameter]) -> None:
        check_parameters(parameters)
        self._parameters = parameters if isinstance(parameters, Parameters) else tuple(parameters)
        self._targets, self._slots = targets_of(parameters), self.slots
        self._kept = {
            target.name: [self._start(target.backend.xp, target.value, slot) for slot in self.slots]
            for target in self._targets
        }

    def _check_same(self, given: Sequence[Parameter], own: Sequence[Parameter]) -> None:
        check_parameters(given)
        if len(given) != len(own) or any(a is not b for a, b in zip(given, own, strict=True)):
            raise ValueError(
                f"this {type(self).__name__} keeps the state of other parameters ({named(own)}; "
                f"given {named(given)}); make a new optimizer for each model"
            )


def _is_one_buffer(parameters: Sequence[Parameter] | None) -> TypeGuard[Parameters]:
    """Whether all are to be updated as one; without views, joining and dividing them costs more than it saves."""
    return isinstance(parameters, Parameters) and parameters.backend.has_views


def targets_of(parameters: Sequence[Parameter]) -> Sequence[Parameter]:
    """What an update goes through: all as one where that can be, else one after the other."""
    return (parameters.flat,) if _is_one_buffer(parameters) else tuple(parameters)


def by_parameter(parameters: Sequence[Parameter] | None, arrays: dict[str, Array]) -> dict[str, Array]:
    """Arrays by the names of what an update goes through, divided by the names of the parameters themselves."""
    if not _is_one_buffer(parameters):
        return arrays
    return unflatten(parameters.backend, arrays[parameters.flat.name], parameters.shapes)


def eps_places(eps: float, inside_sqrt: bool) -> tuple[float, float]:
    """What is added under a root, and to it: eps at one of the two places."""
    return (eps, 0.0) if inside_sqrt else (0.0, eps)
