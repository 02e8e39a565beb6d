"""Means over many batches: no drift, exact counts, and a state of plain numbers."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import Backend
from cutedl_xp.training.means import RunningMean, read_together


@pytest.fixture
def mean(backend: Backend) -> RunningMean:
    """Return a mean of float32 numbers."""
    return RunningMean(backend, backend.dtype("float32"))


def read(mean: RunningMean) -> float:
    [value] = RunningMean.read([mean])
    assert type(value) is float
    return value


def test_a_constant_does_not_drift(backend: Backend, mean: RunningMean) -> None:
    value, drifting = backend.asarray(np.float32(0.1)), np.float32(0.0)
    for _ in range(30_000):
        mean.add_mean(value, 64)
        drifting += np.float32(6.4)
    assert read(mean) == pytest.approx(float(np.float32(0.1)), rel=1e-7)
    assert abs(float(drifting) / 64 / 30_000 - 0.1) > 1e-6  # result of a plain sum in float32


def test_a_million_numbers_on_the_host() -> None:
    from cutedl_xp import get_backend

    mean = RunningMean(get_backend("numpy"), np.float32)
    value = np.float32(0.1)
    for _ in range(1_000_000):
        mean.add_mean(value, 1)
    assert read(mean) == pytest.approx(float(value), rel=1e-12)


@given(
    batches=st.lists(
        st.tuples(st.floats(-1e3, 1e3, width=32, allow_subnormal=False), st.integers(1, 100)), min_size=1, max_size=30
    )
)
def test_batches_weigh_as_much_as_their_samples(backend: Backend, batches: list[tuple[float, int]]) -> None:
    mean = RunningMean(backend, backend.dtype("float32"))
    for value, size in batches:
        mean.add_mean(backend.asarray(np.float32(value)), size)
    total = sum(Fraction(value) * size for value, size in batches)
    scale = float(sum(abs(Fraction(value)) * size for value, size in batches) / mean.size)
    assert read(mean) == pytest.approx(float(total / mean.size), abs=3e-7 * scale + 1e-30)


def test_counts_are_exact_beyond_float32(backend: Backend, mean: RunningMean) -> None:
    for _ in range(20):
        mean.add_sum(backend.asarray(np.float32(2**24 - 1)), 2**24)
        mean.add_sum(backend.asarray(np.float32(1.0)), 2**24)
    assert read(mean) == 0.5


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_shows_in_the_mean(backend: Backend, mean: RunningMean, bad: float) -> None:
    for value in (1.0, bad, 2.0, 3.0):
        mean.add_mean(backend.asarray(np.float32(value)), 2)
    assert repr(read(mean)) == repr(bad)


@pytest.mark.parametrize("on_host", [True, False])
@pytest.mark.parametrize("first", [1, 2, 7, 8])
def test_the_numbers_since_the_first_bad_one_are_counted(
    backend: Backend, mean: RunningMean, on_host: bool, first: int
) -> None:
    other = RunningMean(backend, backend.dtype("float32"))
    for number in range(1, 8):
        value = math.nan if number == first else float(number)
        mean.add_mean(value if on_host else backend.asarray(np.float32(value)), 3)
        other.add_sum(backend.asarray(np.float32(1.0)), 1)
    readings, numbers = read_together([mean, other], [backend.asarray(np.float32(0.5)), 0.25])
    assert [reading.bad for reading in readings] == [8 - first, 0]
    assert (readings[1].value, numbers) == (1.0, [0.5, 0.25])
    mean.load_state_dict(json.loads(json.dumps(mean.state_dict())))
    assert read_together([mean], ())[0][0].bad == 8 - first
    mean.reset()
    mean.add_mean(1.0, 1)
    assert read_together([mean], ())[0][0].bad == 0


def test_python_numbers_are_summed_on_the_host(mean: RunningMean) -> None:
    for value in (0.1, 0.2, 0.6):
        mean.add_mean(value, 1)
    assert read(mean) == (0.1 + 0.2 + 0.6) / 3


def test_a_state_continues_with_the_same_bits(backend: Backend, mean: RunningMean) -> None:
    values = [backend.asarray(np.float32(value)) for value in np.random.default_rng(0).random(40)]
    other = RunningMean(backend, backend.dtype("float32"))
    for place, value in enumerate(values):
        mean.add_mean(value, 3)
        if place == 16:
            other.load_state_dict(json.loads(json.dumps(mean.state_dict())))
        elif place > 16:
            other.add_mean(value, 3)
    assert other.state_dict() == mean.state_dict()
    assert read(other) == read(mean)


def test_it_can_be_reset(backend: Backend, mean: RunningMean) -> None:
    mean.add_mean(backend.asarray(np.float32(5.0)), 3)
    mean.reset()
    mean.add_mean(backend.asarray(np.float32(1.5)), 1)
    assert (read(mean), mean.size) == (1.5, 1)
