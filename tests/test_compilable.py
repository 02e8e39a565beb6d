"""Classes declare that compiled training steps may contain them; subclasses do not inherit the declaration."""

import dataclasses
import inspect
from typing import Any

import pytest

from cutedl_xp import layers, losses, optimizers
from cutedl_xp._compilable import Compilable
from cutedl_xp.layers import Dense, Dropout, Layer
from cutedl_xp.losses import CategoricalCrossentropy, Loss, Mse
from cutedl_xp.optimizers import Adam, ElementwiseOptimizer, Optimizer
from cutedl_xp.optimizers.wrappers.wrapper import OptimizerWrapper

BASES = (Layer, Loss, Optimizer)
PUBLIC = [
    each
    for module in (layers, losses, optimizers)
    for each in (getattr(module, name) for name in module.__all__)
    if inspect.isclass(each) and issubclass(each, BASES) and not inspect.isabstract(each)
    if each is not losses.FunctionLoss  # which calls a user's function
]


@pytest.mark.parametrize("each", PUBLIC, ids=lambda each: each.__name__)
def test_every_class_of_the_library_is_compilable(each: type[Compilable]) -> None:
    assert vars(each)["compilable"] is True


def test_every_kind_of_class_has_been_looked_at() -> None:
    assert {Dense, Dropout, Mse, CategoricalCrossentropy, Adam, optimizers.Frozen, optimizers.Groups} <= set(PUBLIC)
    assert len(PUBLIC) == 6 + 6 + 11 + 8


@pytest.mark.parametrize("base", [*BASES, ElementwiseOptimizer, OptimizerWrapper], ids=lambda each: each.__name__)
def test_base_classes_are_not(base: type[Compilable]) -> None:
    assert base.compilable is False


@pytest.mark.parametrize("base", [*PUBLIC, *BASES], ids=lambda each: each.__name__)
def test_a_subclass_is_not_unless_its_own_body_declares_it(base: Any) -> None:
    silent = type("Silent", (base,), {})
    speaking = type("Speaking", (silent,), {"compilable": True})
    assert silent.compilable is False
    assert speaking.compilable is True
    assert type("Below", (speaking,), {}).compilable is False
    assert type("Mixed", (silent, base), {}).compilable is False


def test_a_base_class_that_is_not_a_layer_does_not_count() -> None:
    class Part:
        compilable = True

    class Mixed(Part, Dense):
        pass

    assert Mixed.compilable is False


def test_a_dataclass_does_not_make_a_field_of_it() -> None:
    @dataclasses.dataclass(eq=False)
    class Slower(Adam):
        factor: float = 0.5

    @dataclasses.dataclass(eq=False)
    class Compiled(Adam):
        compilable = True

    assert (Slower.compilable, Compiled.compilable) == (False, True)
    assert [field.name for field in dataclasses.fields(Compiled)] == [field.name for field in dataclasses.fields(Adam)]
    assert "compilable" not in repr(Compiled())
    assert dataclasses.replace(Compiled(), lr=0.5).compilable is True


def test_an_instance_agrees_with_its_class() -> None:
    assert Dense(3).compilable is True
    assert optimizers.ClipByNorm(Adam(), 1.0).compilable is True
    assert type("Mine", (Mse,), {})().compilable is False
