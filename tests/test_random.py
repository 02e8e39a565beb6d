"""Random streams: equal for the same seed and path, different otherwise."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp._random import Stream, check_seed

DRAWS: dict[str, Callable[[Stream], np.ndarray]] = {
    "uniform": lambda stream: stream.uniform((50,), -0.1, 0.1),
    "normal": lambda stream: stream.normal((50,), 0.05),
    "keep_mask": lambda stream: stream.keep_mask((50,), 0.5),
    "permutation": lambda stream: stream.permutation(50),
}
draws = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


@draws
def test_same_seed_and_path_give_the_same_numbers(draw: Callable[[Stream], np.ndarray]) -> None:
    one, other = Stream(3, "weights", "/1-Dense/weight"), Stream(3, "weights", "/1-Dense/weight")
    for _ in range(2):
        np.testing.assert_array_equal(draw(one), draw(other))


@draws
def test_stream_continues_and_does_not_repeat(draw: Callable[[Stream], np.ndarray]) -> None:
    stream = Stream(0, "x")
    assert (draw(stream) != draw(stream)).any()


@draws
@pytest.mark.parametrize(
    "other",
    [
        (4, "shuffle", 1),
        (3, "shuffle", 2),
        (3, "shuffle", 0),
        (3, "weights", 1),
        (3, 1, "shuffle"),
        (3, "shuffle", "1"),
        (3, "shuffle", 1, 0),
        (3, "shuffle", 1, 1),
        (2**32 + 3, "shuffle", 1),
        (2**100 + 3, "shuffle", 1),
    ],
)
def test_other_seed_or_path_gives_other_numbers(
    draw: Callable[[Stream], np.ndarray], other: tuple[int, *tuple[Any, ...]]
) -> None:
    assert (draw(Stream(3, "shuffle", 1)) != draw(Stream(*other))).any()


def test_drawing_from_one_stream_changes_no_other() -> None:
    alone = Stream(0, "a").uniform((5,), 0.0, 1.0)
    one, other = Stream(0, "a"), Stream(0, "b")
    other.uniform((100,), 0.0, 1.0)
    np.testing.assert_array_equal(one.uniform((5,), 0.0, 1.0), alone)


def test_global_random_state_is_neither_used_nor_changed() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - what must not change
    for draw in DRAWS.values():
        draw(Stream(0, "x"))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_numbers_of_a_seed_stay_the_same_between_versions() -> None:
    stream = Stream(0, "weights", "/1-Dense/weight")
    assert stream.permutation(8).tolist() == [1, 3, 5, 4, 7, 0, 6, 2]
    assert stream.uniform((3,), 0.0, 1.0).tolist() == [0.6502556322086794, 0.26326839698104787, 0.5367926358500927]


@given(shape=st.lists(st.integers(0, 5), max_size=3).map(tuple), seed=st.integers(0, 2**64))
def test_numbers_have_the_shape_and_dtype_promised(shape: tuple[int, ...], seed: int) -> None:
    stream = Stream(seed, "x")
    for found, dtype in (
        (stream.uniform(shape, 0.0, 1.0), "float64"),
        (stream.normal(shape, 1.0), "float64"),
        (stream.keep_mask(shape, 0.5), "bool"),
    ):
        assert (np.shape(found), np.asarray(found).dtype) == (shape, dtype)


def test_uniform_numbers_are_spread_over_their_range() -> None:
    found = Stream(0, "x").uniform((20_000,), -0.1, 0.3)
    assert -0.1 <= found.min() < -0.099
    assert 0.299 < found.max() < 0.3
    assert abs(found.mean() - 0.1) < 0.005


def test_normal_numbers_have_their_deviation() -> None:
    found = Stream(0, "x").normal((20_000,), 0.05)
    assert abs(found.mean()) < 0.002
    assert abs(found.std() - 0.05) < 0.002


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_mask_keeps_as_often_as_promised(probability: float) -> None:
    assert abs(Stream(0, "x").keep_mask((200, 100), probability).mean() - probability) < 0.01


def test_mask_with_probability_1_keeps_everything() -> None:
    assert Stream(0, "x").keep_mask((10_000,), 1.0).all()


@given(length=st.integers(0, 100))
def test_permutation_has_every_number_once(length: int) -> None:
    found = Stream(0, "x").permutation(length)
    assert found.dtype == np.int64
    assert sorted(found.tolist()) == list(range(length))


@draws
def test_stream_continues_from_a_saved_state(draw: Callable[[Stream], np.ndarray]) -> None:
    stream = Stream(5, "dropout")
    draw(stream)
    saved = json.loads(json.dumps(stream.state))  # plain data
    wanted = [draw(stream), draw(stream)]
    other = Stream(0, "another")
    for _ in range(2):  # after each reset
        other.state = saved
        for numbers in wanted:
            np.testing.assert_array_equal(draw(other), numbers)


@pytest.mark.parametrize("seed", [0, 7, 2**40, np.int64(3), np.uint8(3)])
def test_seed_becomes_a_python_int(seed: Any) -> None:
    found = check_seed(seed)
    assert (type(found), found) == (int, seed)


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (-1, ValueError, "`seed` must be 0 or greater; got -1"),
        (1.0, TypeError, "`seed` must be an integer; got 1.0 (float)"),
        (None, TypeError, "`seed` must be an integer; got None (NoneType)"),
        (True, TypeError, "`seed` must be an integer; got True (bool)"),
        ("0", TypeError, "`seed` must be an integer; got '0' (str)"),
    ],
)
def test_values_other_than_seeds_are_refused(seed: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        check_seed(seed)
    assert str(caught.value) == message


def test_draws_can_be_recorded_and_replayed() -> None:
    stream = Stream(3, "a")
    before = stream.state
    with stream.recorded() as draws:
        wanted = [stream.keep_mask((2, 3), 0.5), stream.uniform((4,), 0.0, 2.0), stream.normal((1,), 3.0)]
    assert stream.state == before
    for draw, numbers in zip(draws, wanted, strict=True):
        np.testing.assert_array_equal(stream.perform(draw), numbers)
    after = stream.state
    with stream.replayed(["mask", "numbers"]):
        assert (stream.keep_mask((2, 3), 0.5), stream.uniform((4,), 0.0, 2.0)) == ("mask", "numbers")
    assert stream.state == after
    assert stream.normal((1,), 3.0).shape == (1,)
