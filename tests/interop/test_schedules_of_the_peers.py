"""Schedules compared with PyTorch's and optax's, and under ``jax.jit``."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp.optimizers import Adam, Adamax, NAdam, RAdam
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

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

COUNT = 60
_lr = torch.optim.lr_scheduler

OF_TORCH: list[tuple[Schedule, Callable[[Any], Any]]] = [
    (Step(0.5, every=7, factor=0.3), lambda o: _lr.StepLR(o, 7, 0.3)),
    (Exponential(0.5, factor=0.9), lambda o: _lr.ExponentialLR(o, 0.9)),
    (Polynomial(0.5, updates=20, power=2.0), lambda o: _lr.PolynomialLR(o, 20, 2.0)),
    (CosineRestarts(0.5, updates=7, end=0.1), lambda o: _lr.CosineAnnealingWarmRestarts(o, 7, eta_min=0.1)),
    (CosineRestarts(0.5, updates=4, growth=2), lambda o: _lr.CosineAnnealingWarmRestarts(o, 4, 2)),
    (OneCycle(0.5, updates=COUNT), lambda o: _lr.OneCycleLR(o, 0.5, COUNT)),
]
OF_OPTAX: list[tuple[Schedule, Any]] = [
    (Cosine(0.5, updates=20, end=0.05), optax.cosine_decay_schedule(0.5, 20, alpha=0.1)),
    (Polynomial(0.5, updates=20, end=0.1, power=2.0), optax.polynomial_schedule(0.5, 0.1, 2.0, 20)),
    (Warmup(0.5, updates=10), optax.linear_schedule(0.0, 0.5, 10)),
    (Warmup(Cosine(0.5, 20), updates=10), optax.warmup_cosine_decay_schedule(0.0, 0.5, 10, 30)),
    (Exponential(0.5, factor=0.8, every=7), optax.exponential_decay(0.5, 7, 0.8)),
    (
        Chain([10], [Constant(0.5), Exponential(0.2, factor=0.9)]),
        optax.join_schedules([optax.constant_schedule(0.5), optax.exponential_decay(0.2, 1, 0.9)], [10]),
    ),
]
OURS = [schedule for schedule, _ in (*OF_TORCH, *OF_OPTAX)] + [InverseTime(0.5, 3.0), Piecewise([3], [0.5, 0.1])]


@pytest.mark.parametrize(("ours", "theirs"), OF_TORCH, ids=[type(ours).__name__ for ours, _ in OF_TORCH])
def test_pytorch(ours: Schedule, theirs: Callable[[Any], Any]) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = theirs(optimizer)
    for k in range(COUNT - 1):
        assert ours(k) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(("ours", "theirs"), OF_OPTAX, ids=[type(ours).__name__ for ours, _ in OF_OPTAX])
def test_optax(ours: Schedule, theirs: Any) -> None:
    assert [ours(k) for k in range(COUNT)] == pytest.approx([float(theirs(k)) for k in range(COUNT)], abs=1e-7)


@pytest.mark.parametrize("schedule", OURS, ids=[type(schedule).__name__ for schedule in OURS])
def test_traced_once_for_all_updates(schedule: Schedule) -> None:
    optimizer, traced = Adam(schedule), []

    def update(w: Any, g: Any, state: Any) -> Any:
        traced.append(1)
        return optimizer.update(w, g, state)

    compiled = jax.jit(update)
    w, eager = (jax.numpy.ones(3, dtype="float64") for _ in range(2))
    state = eager_state = optimizer.init(w)
    for _ in range(COUNT // 2):
        w, state = compiled(w, 0.1 + w, state)
        eager, eager_state = optimizer.update(eager, 0.1 + eager, eager_state)
    np.testing.assert_allclose(w, eager, rtol=1e-6)
    assert len(traced) <= 2  # the first number of the update is a Python int


@pytest.mark.parametrize("beta2", [0.9, 0.999, 0.99999])
def test_corrections_are_traced_in_float32_without_cancellation(beta2: float) -> None:
    """Python computes in float64; under jit the number of the update is an array, and JAX has 32 bits by default."""
    jax.config.update("jax_enable_x64", False)
    for kind in (Adam, RAdam, NAdam, Adamax):
        optimizer = kind(0.1, 0.9, beta2)
        w = eager = jax.numpy.zeros(2, dtype="float32")
        state = eager_state = optimizer.init(w)
        compiled = jax.jit(optimizer.update)
        for number in range(12):
            g = jax.numpy.asarray([1.0, 0.1 * (number - 4)], dtype="float32")
            w, state = compiled(w, g, state)
            eager, eager_state = optimizer.update(eager, g, eager_state)
        np.testing.assert_allclose(w, eager, rtol=0.02)


def test_a_peers_schedule_while_the_first_update_is_traced() -> None:
    schedule = optax.cosine_decay_schedule(0.5, 20)
    optimizer = Adam(schedule)
    first = jax.jit(lambda w: optimizer.update(w, w, optimizer.init(w))[0])
    w = jax.numpy.ones(3)
    np.testing.assert_allclose(first(w), optimizer.update(w, w, optimizer.init(w))[0])
