"""A backend stores no closure or lambda, and no arrays that it refers to."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Parameter
from cutedl_xp.backends import Rule
from cutedl_xp.backends._rules import is_module_level
from cutedl_xp.optimizers import ElementwiseOptimizer


class Held:
    """Object of a closure that supports weak references, unlike the arrays of some libraries."""

    number = 2.0


def a_rule(held: Held) -> Rule:
    return lambda xp, w, g, s: (w - held.number * g, s + g)


def a_derivative(held: Held) -> Any:
    return lambda xp, y, gradient: gradient * held.number


def a_function(held: Held) -> Any:
    return lambda xp, x: x * held.number


class OfAClosure(ElementwiseOptimizer):
    """A rule whose formula is a closure over an argument of the optimizer."""

    lr = 0.1
    slots = ("s",)

    def __init__(self, held: Held) -> None:
        self._rule = a_rule(held)

    @property
    def rule(self) -> Rule:
        return self._rule

    def scalars(self, t: Any) -> tuple[Any, ...]:
        return ()


def step(backend: Backend, held: Held) -> Any:
    parameter = Parameter("w", backend.asarray(np.ones((2, 3))))
    OfAClosure(held).step([parameter])
    return parameter.value


def update(backend: Backend, held: Held) -> Any:
    rule, w = OfAClosure(held), backend.asarray(np.ones((2, 3)))
    return rule.update(w, backend.asarray(np.zeros((2, 3))), rule.init(w))[0]


def arrays(backend: Backend, count: int) -> list[Any]:
    return [backend.asarray(np.ones((2, 3))) for _ in range(count)]


def row(backend: Backend) -> Any:
    return backend.asarray(np.ones(3))


WAYS: dict[str, tuple[Callable[[Backend, Held], Any], float]] = {
    "step": (step, 1.0),
    "update": (update, 1.0),
    "apply_rule": (
        lambda backend, held: backend.apply_rule(a_rule(held), arrays(backend, 3), [], donate=True)[0],
        -1.0,
    ),
    "a rule on copies": (lambda backend, held: backend.apply_rule(a_rule(held), arrays(backend, 3), [])[0], -1.0),
    "elementwise": (lambda backend, held: backend.elementwise(a_function(held), *arrays(backend, 1)), 2.0),
    "add_bias": (lambda backend, held: backend.add_bias(*arrays(backend, 1), row(backend), a_function(held)), 4.0),
    "add_bias_backward": (
        lambda backend, held: backend.add_bias_backward(a_derivative(held), *arrays(backend, 2), row(backend))[0],
        2.0,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_closures_are_released(backend: Backend, to_numpy: Callable[[Any], np.ndarray], way: str) -> None:
    call, expected = WAYS[way]
    held = Held()
    reference = weakref.ref(held)
    assert to_numpy(call(backend, held)).tolist() == [[expected] * 3] * 2
    del held
    gc.collect()
    assert reference() is None


def at_the_top(xp: Any, x: Any) -> Any:
    return x


def test_objects_at_module_level() -> None:
    def inner(xp: Any, x: Any) -> Any:
        return x

    assert is_module_level(at_the_top)
    assert is_module_level(Held.__init__) is False  # not written in Python
    assert not is_module_level(inner)
    assert not is_module_level(lambda x: x)
    assert not is_module_level(a_function(Held()))
    assert not is_module_level(OfAClosure(Held()).scalars)
