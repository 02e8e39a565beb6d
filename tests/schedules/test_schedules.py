"""Schedules: their values, their errors, and their use in an optimizer."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Parameter, Session, losses, schedules
from cutedl_xp.layers import Dense
from cutedl_xp.optimizers import ElementwiseOptimizer, Fixed, Momentum
from cutedl_xp.schedules import (
    Chain,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    OneCycle,
    Piecewise,
    Polynomial,
    Schedule,
    Step,
    Warmup,
)
from optimizer_table import REFERENCES

SCHEDULES: list[tuple[Any, Callable[[int], float]]] = [
    (Constant(0.3), lambda k: 0.3),
    (Step(0.5, every=7), lambda k: 0.5 * 0.1 ** math.floor(k / 7)),
    (Exponential(0.5, factor=0.9, every=4), lambda k: 0.5 * 0.9 ** (k / 4)),
    (InverseTime(0.5, decay_steps=2.5), lambda k: 0.5 / (1 + k / 2.5)),
    (Polynomial(0.5, updates=20, end=0.1, power=2), lambda k: 0.1 + 0.4 * (1 - min(k / 20, 1)) ** 2),
    (Cosine(0.5, updates=20, end=0.1), lambda k: 0.3 + 0.2 * math.cos(math.pi * min(k / 20, 1))),
    (CosineRestarts(0.5, updates=8), lambda k: 0.25 + 0.25 * math.cos(math.pi * (k % 8) / 8)),
    (CosineRestarts(0.5, updates=4, growth=3), lambda k: 0.25 + 0.25 * math.cos(math.pi * place(k, 4, 3))),
    (Warmup(0.5, updates=10, start=0.1), lambda k: min(0.1 + 0.04 * k, 0.5)),
    (
        Warmup(Exponential(0.5, 0.9), updates=10),
        lambda k: 0.05 * k if k < 10 else 0.5 * 0.9 ** (k - 10),
    ),
    (OneCycle(0.5, updates=40), lambda k: one_cycle(k)),
    (Piecewise([3, 9], [0.5, 0.2, 0.0]), lambda k: 0.5 if k < 3 else 0.2 if k < 9 else 0.0),
    (
        Chain([5, 15], [0.2, Cosine(0.5, updates=10), InverseTime(0.1, 2)]),
        lambda k: (
            0.2 if k < 5 else 0.25 + 0.25 * math.cos(math.pi * (k - 5) / 10) if k < 15 else 0.1 / (1 + (k - 15) / 2)
        ),
    ),
]


def place(k: int, length: int, growth: int) -> float:
    """Return the position in the current decrease, counted one by one."""
    while k >= length:
        k -= length
        length *= growth
    return k / length


def one_cycle(k: int) -> float:
    peak, last = 0.3 * 40 - 1, 39
    if k <= peak:
        return 0.02 + 0.48 * (1 - math.cos(math.pi * k / peak)) / 2
    done = (min(k, last) - peak) / (last - peak)
    return 0.5 / 250_000 + (0.5 - 0.5 / 250_000) * (1 + math.cos(math.pi * done)) / 2


each_schedule = pytest.mark.parametrize(
    ("schedule", "formula"), SCHEDULES, ids=[type(schedule).__name__ for schedule, _ in SCHEDULES]
)


def test_every_public_schedule_is_tested() -> None:
    assert {type(schedule).__name__ for schedule, _ in SCHEDULES} | {"Schedule"} == set(schedules.__all__)


@each_schedule
def test_values(schedule: Schedule, formula: Callable[[int], float]) -> None:
    assert [schedule(k) for k in range(100)] == pytest.approx([formula(k) for k in range(100)], rel=1e-12, abs=1e-15)


def test_every_optimizer_follows_it(rule: Callable[..., ElementwiseOptimizer]) -> None:
    w, g = np.ones(3), np.asarray([0.5, -2.0, 0.0])
    scheduled, constant = rule(lr=Step(0.25, every=2, factor=0.5)), rule(lr=0.25)
    state, other = scheduled.init(w), constant.init(w)
    ours = theirs = w
    for lr in (0.25, 0.25, 0.125, 0.125, 0.0625):
        constant.lr = lr
        ours, state = scheduled.update(ours, g, state)
        theirs, other = constant.update(theirs, g, other)
        np.testing.assert_array_equal(ours, theirs)


def test_restarts_do_not_lose_an_update_to_rounding() -> None:
    for growth in (2, 3, 10):
        schedule = CosineRestarts(1.0, updates=7, growth=growth)
        for k in range(20_000):
            assert schedule(k) == pytest.approx((1 + math.cos(math.pi * place(k, 7, growth))) / 2, abs=1e-9)


def test_every_optimizer_asks_once_an_update(rule: Callable[..., ElementwiseOptimizer]) -> None:
    seen: list[int] = []
    optimizer, w = rule(lr=lambda update: seen.append(update) or 0.1), np.ones(2)
    state = optimizer.init(w)
    for _ in range(3):
        w, state = optimizer.update(w, w, state)
    assert seen == [0, 1, 2]


def test_a_function_is_called_with_the_updates_made_before(backend: Backend) -> None:
    seen: list[Any] = []

    def schedule(update: int) -> float:
        seen.append(update)
        return [1.0, 0.5, 0.0][update]

    parameter = Parameter("w", backend.asarray(np.zeros(2)), backend.asarray(np.ones(2)))
    optimizer = Fixed(schedule)
    values = []
    for _ in range(3):
        optimizer.step([parameter])
        values.append(backend.to_numpy(parameter.value)[0].item())
    assert values == [-1.0, -1.5, -1.5]
    assert seen == [0, 1, 2]
    assert {type(number) for number in seen} == {int}
    w, state = parameter.value, optimizer.init(parameter.value)
    for expected in (-2.5, -3.0):
        w, state = optimizer.update(w, parameter.gradient, state)
        assert backend.to_numpy(w)[0] == expected


def test_momentum_keeps_the_rate_that_a_gradient_came_with() -> None:
    optimizer, w, g = Momentum(Piecewise([1], [1.0, 0.1]), 0.5), np.zeros(1), np.ones(1)
    state = optimizer.init(w)
    for expected in (-1.0, -1.6):
        w, state = optimizer.update(w, g, state)
        assert w[0] == pytest.approx(expected)


def test_a_session_trains_with_one() -> None:
    x = np.linspace(-1.0, 1.0, 32, dtype="float32").reshape(32, 1)
    model = Model([Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    session = Session(model, loss=losses.Mse(), optimizer=Fixed(Cosine(0.5, updates=80)))
    history = session.fit(Dataset(x, 3.0 * x, batch_size=16), epochs=40)
    assert history.loss[-1] < 1e-4
    before = model.backend.to_numpy(model.parameters.flat.value).copy()
    session.fit(Dataset(x, -3.0 * x, batch_size=16), epochs=2)  # the rate has reached 0
    np.testing.assert_array_equal(model.parameters.flat.value, before)


def test_pieces_are_called_for_their_own_updates_only() -> None:
    seen: list[tuple[str, int]] = []

    def noting(name: str) -> Schedule:
        return lambda update: seen.append((name, update)) or 0.5  # type: ignore[func-returns-value]

    chain = Chain([2], [noting("first"), noting("second")])
    assert [chain(k) for k in range(4)] == [0.5] * 4
    assert seen == [("first", 0), ("first", 1), ("second", 0), ("second", 1)]
    seen.clear()
    warmup = Warmup(noting("then"), updates=2)
    assert [warmup(k) for k in range(4)] == [0.0, 0.25, 0.5, 0.5]
    assert seen == [("then", 0), ("then", 0), ("then", 0), ("then", 1)]


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.asarray(0.5), 1])
def test_numbers_of_any_kind_promote_nothing(backend: Backend, value: Any) -> None:
    w = backend.asarray(np.zeros(2, "float32"))
    optimizer = Fixed(lambda update: value)
    assert type(optimizer.rate(1)) is float
    after, _ = optimizer.update(w, w, optimizer.init(w))
    assert after.dtype == w.dtype


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (-0.1, ValueError, r"^`lr\(3\)` must be 0 or greater; got -0.1$"),
        (float("nan"), ValueError, r"^`lr\(3\)` must be finite; got nan$"),
        ("0.1", TypeError, r"^`lr\(3\)` must be a number; got '0.1' \(str\)$"),
        (None, TypeError, r"^`lr\(3\)` must be a number; got None \(NoneType\)$"),
        (np.ones(2), ValueError, r"^`lr\(3\)` must be one number; got an array of shape \(2,\)$"),
    ],
)
def test_invalid_results_of_a_schedule(value: Any, error: type[Exception], words: str) -> None:
    w = np.zeros(2)
    optimizer = Fixed(lambda update: value)
    with pytest.raises(error, match=words):
        optimizer.update(w, w, {"t": 3})


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: Step(0.0, 3), ValueError, "`lr` must be greater than 0; got 0.0"),
    (lambda: Step(0.1, 0), ValueError, "`every` must be 1 or greater; got 0"),
    (lambda: Step(0.1, 2.5), TypeError, "`every` must be an integer; got 2.5 (float)"),  # type: ignore[arg-type]
    (lambda: Exponential(0.1, factor=-1.0), ValueError, "`factor` must be greater than 0; got -1.0"),
    (lambda: InverseTime(0.1, 0.0), ValueError, "`decay_steps` must be greater than 0; got 0.0"),
    (lambda: Polynomial(0.1, 10, end=-1.0), ValueError, "`end` must be 0 or greater; got -1.0"),
    (lambda: Cosine(0.1, 0), ValueError, "`updates` must be 1 or greater; got 0"),
    (lambda: CosineRestarts(0.1, 10, growth=0), ValueError, "`growth` must be 1 or greater; got 0"),
    (lambda: OneCycle(0.1, 10, rising=1.0), ValueError, "`rising` must lie strictly between 0 and 1; got 1.0"),
    (
        lambda: Warmup("0.1", 10),  # type: ignore[arg-type]
        TypeError,
        "`then` must be a number, or a function of the updates made before; got '0.1' (str)",
    ),
    (
        lambda: Piecewise([3, 3], [0.1, 0.2, 0.3]),
        ValueError,
        "`boundaries` must each be greater than the one before; got [3, 3]",
    ),
    (
        lambda: Piecewise([3], [0.1]),
        ValueError,
        "`rates` must be one more than `boundaries`; got 1 for 1 boundaries",
    ),
    (lambda: Piecewise([3], [0.1, -0.1]), ValueError, "`rates[1]` must be 0 or greater; got -0.1"),
    (
        lambda: Chain([3], [Constant(0.1), Step]),
        TypeError,
        f"`schedules[1]` must be a number, or a function of the updates made before; got {Step!r} (type)",
    ),
]


@pytest.mark.parametrize(("make", "error", "sentence"), REFUSED, ids=[sentence for *_, sentence in REFUSED])
def test_wrong_arguments_are_refused_when_it_is_made(
    make: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == sentence


@pytest.fixture(params=REFERENCES, ids=lambda rule: rule.__name__)
def rule(request: pytest.FixtureRequest) -> type[ElementwiseOptimizer]:
    found: type[ElementwiseOptimizer] = request.param
    return found
