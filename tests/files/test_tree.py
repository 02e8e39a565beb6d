"""Trees of plain values and arrays as JSON with named arrays."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp.files.tree import decode, encode


def through_json(tree: Any) -> Any:
    plain, arrays = encode(tree, "t")
    return decode(json.loads(json.dumps(plain, allow_nan=False)), arrays)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TREES = st.recursive(
    LEAVES | st.lists(st.floats(), min_size=30, max_size=40) | st.lists(st.integers(), min_size=30, max_size=40),
    lambda children: st.lists(children) | st.dictionaries(st.text() | st.integers() | st.just("$array"), children),
    max_leaves=20,
)


@given(TREES)
def test_every_tree_comes_back(tree: Any) -> None:
    assert repr(through_json(tree)) == repr(tree)  # `repr`, as NaN is not equal to itself


def test_arrays_keep_their_dtype_and_shape() -> None:
    tree = {"a": [np.ones((2, 3), "float32"), np.array(5, "int64")], "b": {"c": np.zeros(0)}}
    plain, arrays = encode(tree, "t")
    assert plain == {"a": [{"$array": "t/a/0"}, {"$array": "t/a/1"}], "b": {"c": {"$array": "t/b/c"}}}
    np.testing.assert_equal(decode(plain, arrays), tree)


def test_keys_with_slashes_do_not_collide() -> None:
    tree = {"a/b": np.array([1.0]), "a": {"b": np.array([2.0]), "b~2": np.array([3.0])}}
    np.testing.assert_equal(through_json(tree), tree)


def test_long_series_are_no_part_of_the_header() -> None:
    series = [math.nan, math.inf, *map(float, range(1000))]
    plain, arrays = encode({"loss": series, "steps": list(range(1000)), "flags": [True] * 40}, "t")
    assert plain == {"loss": {"$floats": "t/loss"}, "steps": {"$ints": "t/steps"}, "flags": [True] * 40}
    assert {name: array.dtype.name for name, array in arrays.items()} == {"t/loss": "float64", "t/steps": "int64"}
    assert repr(through_json(series)) == repr(series)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), np.float32(1.0)])
def test_other_values_are_refused_by_their_place(value: Any) -> None:
    with pytest.raises(TypeError, match="`t/a/1` must be a number"):
        encode({"a": [0, value]}, "t")


@pytest.mark.parametrize(
    "plain",
    [{"$array": "absent"}, {"$array": []}, {"$number": "seven"}, {"$dict": [["k"]]}, {"$dict": 5}, {"$floats": None}],
)
def test_values_other_than_trees_are_refused(plain: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode(plain, {})
