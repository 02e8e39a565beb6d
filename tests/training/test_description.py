"""Descriptions of objects as plain values."""

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import layers, losses, metrics, optimizers, regularizers, schedules
from cutedl_xp.training.description import OWN, describe, known_with, rebuild
from optimizer_table import VARIANTS, Variant


def halving(update: int) -> float:
    return 0.5**update


class Adam(optimizers.Adam):
    """A user's rule with the name of a rule of the library."""


class Scaled(losses.Mse):
    """A user's loss with an option."""

    def __init__(self, factor: float) -> None:
        self.factor = factor


class Forgetful(losses.Mse):
    """A loss that does not store the argument of its constructor."""

    def __init__(self, factor: float) -> None:
        self._factor = factor


class Doubling(losses.Mse):
    """A loss whose attribute is another number than the argument of its constructor."""

    def __init__(self, factor: float) -> None:
        self.factor = 2.0 * factor


class Choosy(losses.Mse):
    """A loss that cannot be created from its attribute."""

    def __init__(self, number: int) -> None:
        if number != 7:
            raise ValueError("only 7 at first")
        self.number = 8


_LOOP: list[Any] = []
_LOOP.append(_LOOP)


def again(value: Any, custom: tuple[Any, ...] = ()) -> Any:
    return rebuild(json.loads(json.dumps(describe("value", value))), known_with(custom))


SCHEDULES = [
    schedules.Constant(0.1),
    schedules.Step(0.1, every=3),
    schedules.Exponential(0.1, factor=0.5),
    schedules.InverseTime(0.1, decay_steps=5),
    schedules.Polynomial(0.1, updates=9),
    schedules.Cosine(0.1, updates=9),
    schedules.CosineRestarts(0.1, updates=9),
    schedules.OneCycle(0.1, updates=9),
    schedules.Warmup(schedules.Cosine(0.1, updates=9), updates=4),
    schedules.Piecewise([2, 4], [0.1, 0.2, 0.3]),
    schedules.Chain([5], [schedules.Constant(0.1), 0.2]),
]
OBJECTS = [
    *[optimizers.Fixed(lr=schedule) for schedule in SCHEDULES],
    optimizers.Groups(
        {
            "*/weight": optimizers.Accumulate(optimizers.ClipByNorm(optimizers.Adam(amsgrad=True), 2.0), every=3),
            "/1-*": optimizers.ClipByValue(optimizers.AverageWeights(optimizers.RMSProp(momentum=0.5), decay=0.9), 0.5),
            "*": optimizers.SkipNonFinite(optimizers.ClipByGlobalNorm(optimizers.Frozen(), 1.0)),
        }
    ),
    losses.Mse(),
    losses.BinaryCrossentropy(from_logits=False),
    losses.CategoricalCrossentropy(from_logits=False),
    losses.SparseCategoricalCrossentropy(),
    regularizers.L1(0.1),
    regularizers.L2(0.1, pattern="/1-*"),
    layers.Dense(3, input_dim=4, activation="tanh", weight_initializer="he_normal"),
    layers.Dropout(0.3),
    layers.Flatten(),
    layers.Activation("gelu"),
    layers.LayerNormalization(eps=0.5, input_dim=4),
    layers.BatchNormalization(eps=0.5, momentum=0.2, input_dim=4),
]


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: repr(value)[:60])
def test_an_object_comes_back_with_its_options(value: Any) -> None:
    made = again(value)
    assert type(made) is type(value)
    assert repr(made) == repr(value)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_variant_of_a_rule_comes_back(variant: Variant) -> None:
    assert repr(again(variant.make())) == repr(variant.make())


def test_every_class_of_the_library_can_be_named() -> None:
    for module in (layers, losses, optimizers):
        bases = (layers.Layer, losses.Loss, optimizers.Optimizer)
        for name in module.__all__:
            each = getattr(module, name)
            if isinstance(each, type) and issubclass(each, bases) and not getattr(each, "__abstractmethods__", None):
                assert OWN[name] is each


def test_numbers_of_numpy_become_plain_ones() -> None:
    described = describe("s", schedules.Cosine(np.float32(0.5), updates=np.int64(9)))
    assert json.dumps(described["options"]) == '{"lr": 0.5, "updates": 9, "end": 0.0}'


def test_functions_come_back_by_their_names() -> None:
    assert again([metrics.accuracy, metrics.binary_accuracy]) == [metrics.accuracy, metrics.binary_accuracy]
    assert again(optimizers.Fixed(lr=halving), (halving,)).lr is halving


def test_own_classes_are_passed() -> None:
    made = again([Adam(lr=0.5), Scaled(2.0), optimizers.Adam()], (Adam, Scaled))
    assert [type(each) for each in made] == [Adam, Scaled, optimizers.Adam]
    assert (made[0].lr, made[1].factor) == (0.5, 2.0)


@pytest.mark.parametrize(("value", "name"), [(Adam(), "Adam"), (Scaled(1.0), "Scaled"), (halving, "halving")])
def test_missing_custom_objects_are_refused_by_name(value: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"the (class|function) '{name}' is not .* give it in `custom`"):
        again(value)


def test_a_class_of_the_library_is_never_replaced_by_a_custom_one() -> None:
    assert type(again(optimizers.Adam(), (Adam,))) is optimizers.Adam


def _closure() -> Callable[[int], float]:
    factor = 0.5
    return lambda update: factor**update


class Local:
    """A class with a nested class."""

    class Inner(losses.Mse):
        """A loss that is not a class at the top level of a module."""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (optimizers.Fixed(lr=lambda update: 0.1), r"`o.lr` is <lambda>.* one of cutedl_xp.schedules"),
        (optimizers.Groups({"*": optimizers.Adam(lr=_closure())}), r"`o.optimizers\['\*'\].lr` is _closure"),
        (Forgetful(2.0), "`o` is .* needs an attribute 'factor' for the argument of its constructor"),
        (Local.Inner(), "`o` is .* classes defined at the top of a module"),
        (optimizers.Fixed(lr=functools.partial(halving)), r"`o\.lr` is functools\.partial.* cannot describe"),
        (Scaled(Scaled), r"`o\.factor` is .* cannot describe"),
        (Scaled(np.dtype("float32")), r"`o\.factor` is .* cannot describe"),
        (Scaled({1: 2.0}), r"`o\.factor` is .* dicts with texts as keys"),
        (Doubling(1.0), "`o` is .* made again from its options it is another object"),
        (Choosy(7), "`o` cannot be made again from its options: only 7 at first"),
        (_LOOP, "`o` contains itself"),
        ({"a": np.ones(3)}, r"`o\['a'\]` is an array"),
        ({"$class": 1}, "`o` is .* cannot describe"),
        (object(), "`o` is .* cannot describe"),
    ],
)
def test_objects_that_cannot_be_described_are_refused(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        describe("o", value)


@pytest.mark.parametrize("custom", [Adam, [Adam()], [lambda update: 0.1], ["Adam"], 3])
def test_custom_must_be_classes_and_functions(custom: Any) -> None:
    with pytest.raises(TypeError, match="`custom` must be"):
        known_with(custom)


@pytest.mark.parametrize(
    "described",
    [
        {"$class": "Adam"},
        {"$class": "Adam", "options": {"lr": -1.0}},
        {"$class": "Adam", "options": {"rate": 1.0}},
        {"$class": ["Adam"], "options": {}},
        {"$class": "accuracy", "options": {}},
        {"$function": "Adam"},
        {"$class": "os.system", "options": {"command": "true"}},
    ],
)
def test_a_wrong_description_is_refused(described: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        rebuild(described, OWN)
