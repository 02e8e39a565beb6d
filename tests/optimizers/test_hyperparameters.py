"""Arguments of the optimizers' constructors, valid and invalid ones."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import pytest

from cutedl_xp import Backend, Parameter
from cutedl_xp._checks import check_positive
from cutedl_xp.optimizers import (
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Fixed,
    Lion,
    Momentum,
    NAdam,
    Optimizer,
    RAdam,
    RMSProp,
)
from cutedl_xp.optimizers._elementwise import hyperparameter
from cutedl_xp.schedules import Step
from optimizer_table import REFERENCES

PAPERS = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999}
COUPLED, INSIDE = {"weight_decay": 0.0}, {"eps_inside_sqrt": False}
Parts: TypeAlias = tuple[dict[str, float], dict[str, Any]]

SIGNATURES: dict[type[Optimizer], Parts] = {
    Fixed: ({"lr": 0.01}, COUPLED),
    Momentum: ({"lr": 1e-4, "momentum": 0.9}, {"nesterov": False} | COUPLED),
    Adagrad: ({"lr": 0.1}, {"eps": 1e-6} | INSIDE | {"initial_accumulator": 0.0} | COUPLED),
    RMSProp: ({"lr": 1e-4, "rho": 0.99}, {"eps": 1e-6} | INSIDE | {"centered": False, "momentum": 0.0} | COUPLED),
    Adadelta: ({"rho": 0.99}, {"lr": 1.0, "eps": 1e-6} | INSIDE | COUPLED),
    Adam: (PAPERS | {"lr": 1e-4, "beta2": 0.99}, {"eps": 1e-8, "eps_hat": False, "amsgrad": False} | COUPLED),
    AdamW: (PAPERS, {"eps": 1e-8, "weight_decay": 0.01}),
    NAdam: (PAPERS | {"lr": 2e-3}, {"eps": 1e-8} | COUPLED),
    RAdam: (PAPERS, {"eps": 1e-8} | COUPLED),
    Adamax: (PAPERS | {"lr": 2e-3}, {"eps": 1e-8} | COUPLED),
    Lion: (PAPERS | {"lr": 1e-4, "beta2": 0.99}, COUPLED),
}
"""Return the positional parameters in their order, and the keyword-only ones."""

ALL = [(rule, name, value) for rule, parts in SIGNATURES.items() for part in parts for name, value in part.items()]
SWITCHES = [(rule, name) for rule, name, value in ALL if value is False]
EVERY = [(rule, name) for rule, name, value in ALL if value is not False]
POSITIVE = [(rule, name) for rule, name in EVERY if name in ("lr", "eps")]
NOT_NEGATIVE = [(rule, name) for rule, name in EVERY if name in ("weight_decay", "initial_accumulator")]
DECAYS = [(rule, name) for rule, name in EVERY if (rule, name) not in [*POSITIVE, *NOT_NEGATIVE, (RMSProp, "momentum")]]


def test_table_has_every_public_optimizer() -> None:
    assert set(SIGNATURES) == set(REFERENCES)


@pytest.mark.parametrize(("rule", "parts"), SIGNATURES.items())
def test_order_and_defaults(rule: type[Optimizer], parts: Parts) -> None:
    by_position, by_keyword = parts
    found = inspect.signature(rule).parameters
    assert {name: p.default for name, p in found.items()} == {**by_position, **by_keyword}
    assert [name for name, p in found.items() if p.kind is p.POSITIONAL_OR_KEYWORD] == list(by_position)
    assert {name for name, p in found.items() if p.kind is p.KEYWORD_ONLY} == by_keyword.keys()


@pytest.mark.parametrize(("rule", "parts"), SIGNATURES.items())
def test_values_are_kept_as_given(rule: type[Optimizer], parts: Parts) -> None:
    by_position, by_keyword = (
        {name: value is False or 0.5 / (number + 1) for number, (name, value) in enumerate(part.items())}
        for part in (parts[0], parts[1])
    )
    made = rule(*by_position.values(), **by_keyword)
    assert {name: getattr(made, name) for name in (*by_position, *by_keyword)} == {**by_position, **by_keyword}


@pytest.mark.parametrize(("rule", "parts"), SIGNATURES.items())
def test_options_are_not_taken_by_position(rule: type[Optimizer], parts: Parts) -> None:
    with pytest.raises(TypeError, match="positional argument"):
        rule(*parts[0].values(), 1e-3)


def assert_refused(error: type[Exception], rule: type[Optimizer], name: str, value: Any, words: str) -> None:
    made = rule()
    before = repr(made)
    shown = "an array of dtype float64 and shape (1,)" if isinstance(value, np.ndarray) and value.ndim else repr(value)
    for attempt in (lambda: rule(**{name: value}), lambda: setattr(made, name, value)):
        with pytest.raises(error) as caught:
            attempt()
        assert str(caught.value).startswith(f"`{name}` {words}; got {shown}")
        assert "\n" not in str(caught.value)
    assert repr(made) == before


@pytest.mark.parametrize(("rule", "name"), POSITIVE)
@pytest.mark.parametrize("value", [0, 0.0, -0.0, -1e-300, -1, np.float32(-0.1)])
def test_rates_and_eps_are_above_0(rule: type[Optimizer], name: str, value: Any) -> None:
    assert_refused(ValueError, rule, name, value, "must be greater than 0")


@pytest.mark.parametrize(("rule", "name"), NOT_NEGATIVE)
@pytest.mark.parametrize("value", [-1e-300, -1, np.float32(-0.1)])
def test_optional_terms_are_not_negative(rule: type[Optimizer], name: str, value: Any) -> None:
    assert_refused(ValueError, rule, name, value, "must be 0 or greater")
    assert getattr(rule(**{name: 0}), name) == 0.0


@pytest.mark.parametrize("value", [-0.1, 1.0, 2])
def test_momentum_of_rmsprop_is_below_1(value: float) -> None:
    assert_refused(ValueError, RMSProp, "momentum", float(value), "must be at least 0 and below 1")


@pytest.mark.parametrize(("rule", "name"), SWITCHES)
@pytest.mark.parametrize("value", [0, 1, "yes", None, np.True_])
def test_switches_are_true_or_false(rule: type[Optimizer], name: str, value: Any) -> None:
    assert_refused(TypeError, rule, name, value, "must be True or False")


@pytest.mark.parametrize(("rule", "name"), DECAYS)
@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, -0.1, 1.1, 99, np.float64(1.0)])
def test_decays_lie_between_0_and_1(rule: type[Optimizer], name: str, value: Any) -> None:
    assert_refused(ValueError, rule, name, value, "must lie strictly between 0 and 1")


@pytest.mark.parametrize(("rule", "name"), DECAYS)
@pytest.mark.parametrize("value", [np.nextafter(0.0, 1.0), np.nextafter(1.0, 0.0)])
def test_all_decays_between_0_and_1_are_taken(rule: type[Optimizer], name: str, value: Any) -> None:
    assert getattr(rule(**{name: value}), name) == value


@pytest.mark.parametrize(("rule", "name"), EVERY)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan"), 10**400])
def test_only_finite_numbers_are_taken(rule: type[Optimizer], name: str, value: Any) -> None:
    assert_refused(ValueError, rule, name, value, "must be finite")


@pytest.mark.parametrize(("rule", "name"), EVERY)
@pytest.mark.parametrize(
    "value", [True, False, np.True_, "0.1", b"1", None, 0.5j, [0.5], np.array(0.5), np.array([0.5]), Decimal("0.5")]
)
def test_only_numbers_are_taken(rule: type[Optimizer], name: str, value: Any) -> None:
    words = "must be a number, or a function of the updates made before" if name == "lr" else "must be a number"
    assert_refused(TypeError, rule, name, value, words)


NUMBERS = [0.5, np.float64(0.5), np.float32(0.5), np.float16(0.5), Fraction(1, 2)]


@pytest.mark.parametrize(("rule", "name"), EVERY)
@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: type(value).__name__)
def test_any_real_number_is_taken_and_kept_as_a_python_float(rule: type[Optimizer], name: str, value: Any) -> None:
    found = getattr(rule(**{name: value}), name)
    assert (type(found), found) == (float, 0.5)
    assigned = rule()
    setattr(assigned, name, value)
    assert repr(getattr(assigned, name)) == "0.5"


def test_a_class_of_schedules_is_not_one() -> None:
    assert_refused(TypeError, Fixed, "lr", Step, "must be a number, or a function of the updates made before")


@pytest.mark.parametrize("lr", [1, np.float32(0.25), 0.125])
def test_a_rate_of_any_kind_may_be_set_later(lr: Any) -> None:
    optimizer, w = Fixed(), np.ones(1)
    optimizer.lr = lr
    after, _ = optimizer.update(w, w, optimizer.init(w))
    assert after.tolist() == [1.0 - lr]


def test_the_first_object_of_a_class_is_checked_as_the_others() -> None:
    @dataclass(eq=False)
    class Scaled(Fixed):
        scale: float = hyperparameter(1.0, check_positive)

    for _ in range(2):
        with pytest.raises(ValueError, match="`scale` must be greater than 0; got -1"):
            Scaled(scale=-1)
    made = Scaled(scale=2)
    with pytest.raises(ValueError, match="`lr` must be greater than 0; got 0"):
        made.lr = 0
    assert (made.lr, made.scale) == (0.01, 2.0)


def test_an_option_that_changes_the_slots_is_refused_after_the_first_step() -> None:
    parameter = Parameter("w", np.ones(2), np.ones(2))
    optimizer = RMSProp()
    optimizer.step([parameter])
    optimizer.momentum = 0.5
    before = parameter.value.copy()
    with pytest.raises(RuntimeError, match=r"^this RMSProp keeps s, and its changed options need s, v; make a"):
        optimizer.step([parameter])
    np.testing.assert_array_equal(parameter.value, before)


@pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1)])
def test_integers_are_taken_as_rates(value: Any) -> None:
    assert type(Fixed(lr=value).lr) is float


def test_numpy_scalars_promote_no_float32(rule: type[Optimizer], backend: Backend, normal: Callable[..., Any]) -> None:
    by_position, by_keyword = SIGNATURES[rule]
    values = {**by_position, **by_keyword}
    optimizer = rule(**{name: value is False or np.float64(0.5) for name, value in values.items()})
    w, g = normal(0, 2), normal(1, 2)
    state = optimizer.init(w)
    for _ in range(2):
        w, state = optimizer.update(w, g, state)
        assert all(state[slot].dtype == backend.dtype("float32") for slot in rule().slots)
        assert w.dtype == backend.dtype("float32")
    parameter = Parameter("w", w, g)
    optimizer.step([parameter])
    assert parameter.value.dtype == backend.dtype("float32")


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        (Fixed(), "Fixed(lr=0.01, weight_decay=0.0)"),
        (Momentum(0.002), "Momentum(lr=0.002, momentum=0.9, nesterov=False, weight_decay=0.0)"),
        (Lion(np.float64(0.25)), "Lion(lr=0.25, beta1=0.9, beta2=0.99, weight_decay=0.0)"),
        (AdamW(1, eps=0.5), "AdamW(lr=1.0, beta1=0.9, beta2=0.999, eps=0.5, weight_decay=0.01)"),
        (Fixed(Step(0.5, every=10)), "Fixed(lr=Step(lr=0.5, every=10, factor=0.1), weight_decay=0.0)"),
    ],
)
def test_repr_is_the_call_that_makes_it(optimizer: Optimizer, text: str) -> None:
    assert repr(optimizer) == text


def test_optimizers_are_distinguished_by_identity(rule: type[Optimizer]) -> None:
    one, other = rule(), rule()
    assert one != other  # each has its own state
    assert len({one, other, one}) == 2


def test_optimizer_itself_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Optimizer()  # type: ignore[abstract]
