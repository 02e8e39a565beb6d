"""What all update rules share: the pure interface on anybody's arrays, and the step in place on parameters."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import index
from typing import Any, ClassVar, TypeAlias, TypeGuard

from array_api_compat import array_namespace, is_array_api_obj

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule, check_together, describe, dtype_name
from cutedl_xp.optimizers._tree import Tree, leaves, rebuild
from cutedl_xp.parameter import Parameter, Parameters, unflatten

State: TypeAlias = dict[str, Any]

_SWEEP = 128
"""Updates from one search for subnormal numbers to the next. Where a unit has died or a pixel is nearly always 0, means
of gradients decay to such numbers and stay there; an update of a layer in which they are a quarter took 1.5 times as
long."""


class Optimizer(ABC):
    """An update rule with its hyper-parameters.

    A rule names its state in ``slots``, gives its formula as ``rule(xp, w, g, *state, *scalars)``, elementwise and
    pure, and works out the scalars of an update in :meth:`scalars`. It can be used in two ways:

    - :meth:`init` and :meth:`update` change nothing: state goes in and comes out. They take arrays of any library.
    - :meth:`step` updates :class:`~cutedl_xp.Parameter` objects in place and keeps the state itself.
    """

    slots: ClassVar[tuple[str, ...]]
    rule: ClassVar[Rule]

    _parameters: Sequence[Parameter] | None = None
    _targets: Sequence[Parameter]  # what an update goes through
    _kept: dict[str, list[Array]]  # for the name of each of them, an array for each of slots
    _t: int = 0

    @abstractmethod
    def scalars(self, t: Any) -> tuple[Any, ...]:
        """What the rule takes after its arrays, for update number ``t`` (1 for the first)."""

    def init(self, params: Tree) -> State:
        """The state before the first update.

        Parameters
        ----------
        params
            A floating-point array, or nested lists, tuples and dicts of them, of any supported library.

        Returns
        -------
        dict
            ``"t"``: 0, the number of updates so far; and under each of the rule's slots zeros like ``params``.

        Raises
        ------
        TypeError
            If a leaf is not a floating-point array.
        """
        arrays = _floating(params)
        zeros = {path: _namespace(w).zeros_like(w) for path, w in arrays.items()}
        return {"t": 0} | {slot: rebuild(params, zeros) for slot in self.slots}

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        """One update; nothing that is handed in changes.

        Parameters
        ----------
        params, grads
            Parameters and their gradients: the same structure, shapes, dtypes and library.
        state
            What :meth:`init` or the update before returned.

        Returns
        -------
        params, state
            The new ones, in the structure, shapes and dtypes of the old.

        Raises
        ------
        TypeError
            If a gradient has another dtype or library than its parameter.
        ValueError
            If structures or shapes differ, or ``state`` is not one of this rule.
        """
        self._check_state(state)
        arrays = _floating(params)
        columns = [_matched("grads", grads, arrays), *(_matched(slot, state[slot], arrays) for slot in self.slots)]
        t = _number(state["t"]) + 1
        scalars = self.scalars(t)
        results = {
            path: self._updated(_namespace(w), [w, *(column[path] for column in columns)], scalars)
            for path, w in arrays.items()
        }
        parts = [rebuild(params, {path: result[i] for path, result in results.items()}) for i in range(len(columns))]
        return parts[0], {"t": t} | dict(zip(self.slots, parts[1:], strict=True))

    def _check_state(self, state: Any) -> None:
        wanted = f"`state` of {type(self).__name__} is a dict with the keys {', '.join(map(repr, ('t', *self.slots)))}"
        if not isinstance(state, dict):
            raise TypeError(f"{wanted}; got {describe(state)}")
        if state.keys() != {"t", *self.slots}:
            raise ValueError(f"{wanted}; got the keys {', '.join(map(repr, state))}")

    def _updated(self, xp: Namespace, arrays: list[Array], scalars: tuple[Any, ...]) -> list[Array]:
        results = type(self).rule(xp, *arrays, *scalars)
        # NumPy turns 0-d arrays into scalars, and where t is an array, it may have promoted the results
        return [xp.asarray(result, dtype=arrays[0].dtype) for result in results]

    def attach(self, parameters: Sequence[Parameter]) -> None:
        """Make parameters those that :meth:`step` updates; the first step does so by itself.

        Raises
        ------
        TypeError, ValueError
            If they are no parameters with different names, or this optimizer belongs to others.
        """
        if self._parameters is None:
            self._adopt(parameters)
        else:
            self._check_same(parameters, self._parameters)

    def step(self, parameters: Sequence[Parameter]) -> None:
        """Update parameters in place from their gradients.

        Parameters
        ----------
        parameters
            ``model.parameters``, updated in one call over its flat buffers where the library has views, or any
            sequence of parameters with different names. The first one that is given is the one this optimizer
            belongs to.

        Raises
        ------
        ValueError
            If they are not the parameters of the first call.
        """
        if parameters is not self._parameters:
            self.attach(parameters)
        scalars = self.scalars(self._t + 1)
        for target in self._targets:
            arrays = [target.value, target.gradient, *self._kept[target.name]]
            target.value, *self._kept[target.name] = target.backend.apply_rule(type(self).rule, arrays, scalars)
        self._t += 1
        if self._t % _SWEEP == 0:
            self._sweep()

    def _sweep(self) -> None:
        for target in self._targets:
            self._kept[target.name] = [target.backend.without_subnormals(each) for each in self._kept[target.name]]

    @property
    def state(self) -> State:
        """The state that :meth:`step` keeps: ``"t"``, and for each slot the arrays by their parameter's name."""
        return {"t": self._t} | {slot: self._by_name(place) if self._t else {} for place, slot in enumerate(self.slots)}

    def _by_name(self, place: int) -> dict[str, Array]:
        """The arrays of one slot."""
        arrays = {name: kept[place] for name, kept in self._kept.items()}
        if not _is_one_buffer(self._parameters):
            return arrays
        return unflatten(self._parameters.backend, arrays[self._parameters.flat.name], self._parameters.shapes)

    def _adopt(self, parameters: Sequence[Parameter]) -> None:
        _check_parameters(parameters)
        self._parameters = parameters if isinstance(parameters, Parameters) else tuple(parameters)
        self._targets = (parameters.flat,) if _is_one_buffer(parameters) else tuple(parameters)
        self._kept = {
            target.name: [target.backend.xp.zeros_like(target.value) for _ in self.slots] for target in self._targets
        }

    def _check_same(self, given: Sequence[Parameter], own: Sequence[Parameter]) -> None:
        _check_parameters(given)
        if len(given) != len(own) or any(a is not b for a, b in zip(given, own, strict=True)):
            raise ValueError(
                f"this {type(self).__name__} keeps the state of other parameters ({_names(own)}; "
                f"given {_names(given)}); make a new optimizer for each model"
            )


def _is_one_buffer(parameters: Sequence[Parameter] | None) -> TypeGuard[Parameters]:
    """Whether all are to be updated as one; without views, joining and dividing them costs more than it saves."""
    return isinstance(parameters, Parameters) and parameters.backend.has_views


def _check_parameters(parameters: Sequence[Parameter]) -> None:
    if not isinstance(parameters, Sequence):
        raise TypeError(f"`parameters` must be a sequence such as model.parameters; got {type(parameters).__name__}")
    for parameter in parameters:
        if not isinstance(parameter, Parameter):
            raise TypeError(
                f"`parameters` must be Parameter objects; got {type(parameter).__name__}: for plain arrays use update()"
            )
    if not parameters:
        raise ValueError("`parameters` is empty; there is nothing to train")
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise ValueError(f"`parameters` must have different names; got {_names(parameters)}")


def _names(parameters: Sequence[Parameter]) -> str:
    return ", ".join(repr(parameter.name) for parameter in parameters) or "none"


def _namespace(array: Array) -> Namespace:
    xp: Namespace = array_namespace(array)
    return xp


def _number(t: Any) -> Any:
    """How many updates there were, as an int; under a tracing library it stays an array."""
    try:
        number = index(t)
    except TypeError as error:
        if is_array_api_obj(t):
            return t
        raise TypeError(f"`state['t']` must be an integer; got {t!r:.200} ({type(t).__name__})") from error
    if number < 0:
        raise ValueError(f"`state['t']` must be 0 or greater; got {number}")
    return number


def _floating(params: Tree) -> dict[str, Array]:
    arrays = leaves("params", params)
    for path, array in arrays.items():
        real = _namespace(array).isdtype(array.dtype, "real floating")
        if not real or dtype_name(array.dtype) == "float16":  # it has no exponent for eps
            raise TypeError(f"`params`{path} must be an array of float32, float64 or bfloat16; got {describe(array)}")
    return arrays


def _matched(argument: str, tree: Tree, params: dict[str, Array]) -> dict[str, Array]:
    """The leaves of ``tree``, which must be like those of ``params`` one by one."""
    arrays = leaves(argument, tree)
    if arrays.keys() != params.keys():
        different = ", ".join(path or "an array at the top" for path in sorted(arrays.keys() ^ params.keys()))
        raise ValueError(f"`{argument}` must have the structure of `params`; only one of them has {different}")
    for path, array in arrays.items():
        w = params[path]
        if array.shape != w.shape:
            raise ValueError(f"`{argument}`{path} has shape {tuple(array.shape)}; `params`{path} has {tuple(w.shape)}")
        check_together(f"`{argument}`{path}", array, f"`params`{path}", w)
    return arrays
