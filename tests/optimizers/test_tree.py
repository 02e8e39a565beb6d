"""Trees of arrays: their leaves by path, and trees rebuilt from leaves."""

from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp.optimizers._tree import flatten, format_path, leaves_by_keys, unflatten

ARRAYS = st.integers(0, 1_000).map(np.asarray)
KEYS = st.text(max_size=3) | st.integers(-2, 2) | st.tuples(st.booleans())
TREES = st.recursive(
    ARRAYS,
    lambda children: (
        st.lists(children, max_size=3)
        | st.lists(children, max_size=3).map(tuple)
        | st.dictionaries(KEYS, children, max_size=3)
    ),
    max_leaves=8,
)


def structure(tree: Any) -> Any:
    """Return the tree with the identity of each array instead of the array."""
    if isinstance(tree, dict):
        return {key: structure(child) for key, child in tree.items()}
    return type(tree)(map(structure, tree)) if isinstance(tree, (list, tuple)) else id(tree)


@given(tree=TREES)
def test_tree_is_rebuilt_from_its_leaves(tree: Any) -> None:
    rebuilt = unflatten(tree, flatten(tree))
    assert structure(rebuilt) == structure(tree)


@given(tree=TREES)
def test_rebuilding_puts_new_arrays_into_the_old_places(tree: Any) -> None:
    new = [np.asarray(number) for number, _ in enumerate(flatten(tree))]
    rebuilt = unflatten(tree, new)
    assert all(found is given for found, given in zip(flatten(rebuilt), new, strict=True))
    paths = [list(leaves_by_keys("params", each)) for each in (tree, rebuilt)]
    assert paths[0] == paths[1]


def test_paths_read_as_python_would_write_them() -> None:
    a = np.zeros(1)
    found = leaves_by_keys("params", {"layers": [a, (a, a)], 0: a, "0": {}, "": a})
    assert [format_path(keys) for keys in found] == [
        "['layers'][0]",
        "['layers'][1][0]",
        "['layers'][1][1]",
        "[0]",
        "['']",
    ]


def test_array_alone_has_the_empty_path() -> None:
    a = np.zeros(1)
    assert leaves_by_keys("params", a) == {(): a}
    assert unflatten(None, [a]) is a


def test_order_of_the_leaves_is_that_of_the_containers() -> None:
    assert [int(a) for a in flatten({"b": np.asarray(1), "a": [np.asarray(2), np.asarray(3)]})] == [
        1,
        2,
        3,
    ]


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (3.0, "`grads` must be an array, or a list, tuple or dict of arrays; got float"),
        (None, "`grads` must be an array, or a list, tuple or dict of arrays; got NoneType"),
        ({"a": [np.zeros(1), "b"]}, "`grads`['a'][1] must be an array, or a list, tuple or dict of arrays; got str"),
        ([[1.0]], "`grads`[0][0] must be an array, or a list, tuple or dict of arrays; got float"),
        (Pair(np.zeros(1), np.zeros(1)), "`grads` must be an array, or a list, tuple or dict of arrays; got Pair"),
        ([OrderedDict()], "`grads`[0] must be an array, or a list, tuple or dict of arrays; got OrderedDict"),
    ],
)
def test_values_other_than_trees_are_refused_with_its_place(tree: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        leaves_by_keys("grads", tree)
    assert str(caught.value) == message
