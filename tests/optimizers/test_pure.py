"""``init`` and ``update``: on one array and on trees of arrays, without changes of their arguments."""

import copy
import json
import pickle
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest

from cutedl_xp import Backend, get_backend
from cutedl_xp.optimizers import Adam, Momentum, Optimizer, RMSProp

Tree = Any

TREES: dict[str, Callable[[Callable[..., Any]], Tree]] = {
    "array": lambda array: array(0, 2, 3),
    "scalar": lambda array: array(0),
    "no entries": lambda array: array(0, 1, 0, 2),
    "list": lambda array: [array(0, 2), array(1, 3, 1)],
    "tuple": lambda array: (array(0, 4),),
    "dict": lambda array: {"weight": array(0, 2, 3), "bias": array(1, 3)},
    "nested": lambda array: {"layers": [(array(0, 2), {3: array(1)}), (array(2, 0), array(3, 1, 2))], "": array(4, 1)},
    "nothing": lambda array: {"layers": []},
}


@pytest.fixture(scope="session", params=TREES)
def tree(request: pytest.FixtureRequest, normal: Callable[..., Any], dtype: str) -> Callable[[int], Tree]:
    """Return a function from a seed to a tree of arrays, always with the same structure."""
    build = TREES[request.param]
    return lambda seed: build(lambda place, *shape: normal(100 * seed + place, *shape, dtype=dtype))


def trained(rule: Optimizer, tree: Callable[[int], Tree], updates: int) -> tuple[Tree, dict[str, Any]]:
    params = tree(0)
    state = rule.init(params)
    for number in range(1, updates + 1):
        params, state = rule.update(params, tree(number), state)
    return params, state


def arrays_of(tree: Tree) -> list[Any]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [leaf for child in tree for leaf in arrays_of(child)] if isinstance(tree, (list, tuple)) else [tree]


def skeleton(tree: Tree) -> Tree:
    """Return the structure of a tree, with None instead of the arrays."""
    if isinstance(tree, dict):
        return {key: skeleton(child) for key, child in tree.items()}
    return type(tree)(map(skeleton, tree)) if isinstance(tree, (list, tuple)) else None


def test_init_gives_zeros_like_the_parameters(
    rule: type[Optimizer], tree: Callable[[int], Tree], backend: Backend
) -> None:
    params = tree(0)
    state = rule().init(params)
    assert state.keys() == {"t", *rule().slots}
    assert state["t"] == 0
    for slot in rule().slots:
        assert skeleton(state[slot]) == skeleton(params)
        for zeros, w in zip(arrays_of(state[slot]), arrays_of(params), strict=True):
            assert type(zeros) is type(w)
            assert (zeros.shape, zeros.dtype, zeros.device) == (w.shape, w.dtype, w.device)
            assert not backend.to_numpy(zeros).any()


def test_update_keeps_structure_shape_dtype_and_device(rule: type[Optimizer], tree: Callable[[int], Tree]) -> None:
    params = tree(0)
    after, state = trained(rule(), tree, 3)
    assert state.keys() == {"t", *rule().slots}
    for part in (after, *(state[slot] for slot in rule().slots)):
        assert skeleton(part) == skeleton(params)
        for new, w in zip(arrays_of(part), arrays_of(params), strict=True):
            assert type(new) is type(w)  # for NumPy: an ndarray even without axes
            assert (new.shape, new.dtype, new.device) == (w.shape, w.dtype, w.device)


def test_every_array_is_updated_as_if_it_were_alone(
    rule: type[Optimizer],
    tree: Callable[[int], Tree],
    on_host: Callable[[Tree], Tree],
    same_bits: Callable[[Any, Any], bool],
) -> None:
    together = on_host(arrays_of(trained(rule(), tree, 3)[0]))
    alone = [
        trained(rule(), lambda number, i=i: arrays_of(tree(number))[i], 3)[0] for i in range(len(arrays_of(tree(0))))
    ]
    assert same_bits(together, on_host(alone))


@pytest.mark.views
def test_nothing_handed_in_is_changed(
    rule: type[Optimizer],
    tree: Callable[[int], Tree],
    on_host: Callable[[Tree], Tree],
    same_bits: Callable[[Any, Any], bool],
) -> None:
    params, state = trained(rule(), tree, 2)
    given = [params, tree(3), state]
    before = on_host(given)
    first = rule().update(*given)
    assert same_bits(on_host(given), before)
    assert same_bits(on_host(rule().update(*given)), on_host(first))
    for result in arrays_of(list(first)):
        if not isinstance(result, int):
            result[...] = 7.0  # results share no memory with the arguments
    assert same_bits(on_host(given), before)


@pytest.mark.views
def test_init_leaves_the_parameters_alone(
    rule: type[Optimizer], normal: Callable[..., Any], to_numpy: Callable[[Any], np.ndarray]
) -> None:
    params = normal(0, 3)
    for slot, zeros in rule().init(params).items():
        if slot != "t":
            zeros[...] = 7.0
    assert (to_numpy(params) == to_numpy(normal(0, 3))).all()


def test_number_of_the_update_counts_from_one(rule: type[Optimizer], normal: Callable[..., Any]) -> None:
    params, numbers = normal(0, 2), []
    state = rule().init(params)
    for _ in range(3):
        params, state = rule().update(params, normal(1, 2), state)
        numbers.append(state["t"])
    assert numbers == [1, 2, 3]
    assert {type(number) for number in numbers} == {int}


def as_json(state: dict[str, Any]) -> dict[str, Any]:
    def plain(tree: Tree) -> Tree:
        if isinstance(tree, dict):
            return {key: plain(child) for key, child in tree.items()}
        return [plain(child) for child in tree] if isinstance(tree, list) else getattr(tree, "tolist", lambda: tree)()

    loaded: dict[str, Any] = json.loads(json.dumps(plain(state)))
    return loaded


def like(tree: Tree, numbers: Tree) -> Tree:
    """Return a tree after a round trip through JSON, with arrays like those of the original tree."""
    if isinstance(tree, dict):
        return {key: like(child, numbers[key]) for key, child in tree.items()}
    if isinstance(tree, list):
        return [like(child, part) for child, part in zip(tree, numbers, strict=True)]
    return numbers if isinstance(tree, int) else np.asarray(numbers, dtype=tree.dtype)


ROUND_TRIPS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "pickle": lambda state: pickle.loads(pickle.dumps(state)),  # noqa: S301 - what it made itself
    "deepcopy": copy.deepcopy,
    "json": lambda state: like(state, as_json(state)),
}


@pytest.mark.parametrize("save_and_load", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_saved_state_continues_with_the_same_bits(
    rule: type[Optimizer],
    backend: Backend,
    normal: Callable[..., Any],
    on_host: Callable[[Tree], Tree],
    same_bits: Callable[[Any, Any], bool],
    dtype: str,
    save_and_load: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    def tree(number: int) -> Tree:
        return {"weight": [normal(number, 2, 3, dtype=dtype)], "bias": normal(number, dtype=dtype)}

    def moved(tree: Tree) -> Tree:
        if isinstance(tree, dict):
            return {key: moved(child) for key, child in tree.items()}
        return [moved(child) for child in tree] if isinstance(tree, list) else backend.asarray(tree)

    params, state = trained(rule(), tree, 5)
    loaded = save_and_load(on_host(state))
    assert same_bits(loaded, on_host(state))
    again = {"t": loaded.pop("t"), **moved(loaded)}
    assert same_bits(on_host(rule().update(params, tree(6), again)), on_host(rule().update(params, tree(6), state)))


@pytest.mark.parametrize("make_t", [np.int64, np.asarray], ids=["NumPy scalar", "NumPy array"])
def test_number_of_the_update_read_from_an_array_file_promotes_nothing(
    rule: type[Optimizer],
    normal: Callable[..., Any],
    on_host: Callable[[Tree], Tree],
    same_bits: Callable[[Any, Any], bool],
    make_t: Callable[[int], Any],
) -> None:
    params, state = trained(rule(), lambda number: normal(number, 2), 2)
    found = rule().update(params, normal(3, 2), {**state, "t": make_t(2)})
    assert same_bits(on_host(found), on_host(rule().update(params, normal(3, 2), state)))


def test_optimizer_used_for_updates_keeps_nothing_of_them(rule: type[Optimizer], normal: Callable[..., Any]) -> None:
    optimizer = rule()
    before = copy.deepcopy(vars(optimizer))
    optimizer.update(normal(0, 2), normal(1, 2), optimizer.init(normal(0, 2)))
    assert vars(optimizer) == before


Pair = namedtuple("Pair", "weight bias")


@pytest.fixture
def refused(backend: Backend) -> Callable[..., str]:
    """Return a function that updates with some wrong arguments and returns the error message."""
    w = backend.asarray(np.ones((2, 3), "float32"))
    good = {"params": {"a": [w]}, "grads": {"a": [w]}, "state": RMSProp().init({"a": [w]})}

    def message(error: type[Exception], **wrong: Any) -> str:
        with pytest.raises(error) as caught:
            RMSProp().update(**{**good, **wrong})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message


@pytest.mark.parametrize("argument", ["params", "grads"])
@pytest.mark.parametrize("leaf", [1.0, None, "weights", {1.0}], ids=["number", "None", "string", "set"])
def test_leaf_that_is_not_an_array_is_named_with_its_place(
    refused: Callable[..., str], argument: str, leaf: Any
) -> None:
    message = refused(TypeError, **{argument: {"a": [leaf]}})
    assert message.startswith(f"`{argument}`['a'][0] must be an array, or a list, tuple or dict of arrays; got ")
    assert message.endswith(type(leaf).__name__)


def test_containers_of_other_classes_are_refused_and_not_turned_into_plain_ones(
    refused: Callable[..., str], normal: Callable[..., Any]
) -> None:
    assert refused(TypeError, params=Pair(normal(0, 2), normal(1))).endswith("; got Pair")


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_parameters_that_are_no_floats_are_refused(
    rule: type[Optimizer], backend: Backend, refused: Callable[..., str], dtype: str
) -> None:
    params = {"a": [backend.asarray(np.ones((2, 3), dtype))]}
    with pytest.raises(
        TypeError,
        match=r"`params`\['a'\]\[0\] must be an array of float32, float64 or bfloat16 \(of PyTorch or JAX\); got .*"
        + dtype,
    ):
        rule().init(params)
    assert "must be an array of float32, float64 or bfloat16" in refused(TypeError, params=params)


@pytest.mark.parametrize(
    ("structure", "different"),
    [
        (lambda w: w, "an array at the top, ['a'][0]"),
        (lambda w: {"a": w}, "['a'], ['a'][0]"),
        (lambda w: {"b": [w]}, "['a'][0], ['b'][0]"),
        (lambda w: {"a": [w, w]}, "['a'][1]"),
        (lambda w: {}, "['a'][0]"),
        (lambda w: [[w]], "['a'][0], [0][0]"),
    ],
)
@pytest.mark.parametrize("argument", ["grads", "s"])
def test_other_structure_is_refused_with_the_places_where_it_differs(
    refused: Callable[..., str],
    normal: Callable[..., Any],
    argument: str,
    structure: Callable[[Any], Tree],
    different: str,
) -> None:
    tree = structure(normal(0, 2, 3))
    wrong = {"grads": tree} if argument == "grads" else {"state": {"t": 0, "s": tree}}
    assert refused(ValueError, **wrong) == (
        f"`{argument}` must have the structure of `params`; only one of them has {different}"
    )


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (3, 2), (2, 3, 1)])
@pytest.mark.parametrize("argument", ["grads", "s"])
def test_other_shape_is_refused_even_where_it_would_broadcast(
    refused: Callable[..., str], normal: Callable[..., Any], argument: str, shape: tuple[int, ...]
) -> None:
    tree = {"a": [normal(0, *shape)]}
    wrong = {"grads": tree} if argument == "grads" else {"state": {"t": 0, "s": tree}}
    assert refused(ValueError, **wrong) == f"`{argument}`['a'][0] has shape {shape}; `params`['a'][0] has (2, 3)"


@pytest.mark.parametrize("argument", ["grads", "s"])
@pytest.mark.parametrize("wrong_dtype", ["float64", "int32"])
def test_other_dtype_is_refused_with_both(
    refused: Callable[..., str], backend: Backend, argument: str, wrong_dtype: str
) -> None:
    tree = {"a": [backend.asarray(np.ones((2, 3), wrong_dtype))]}
    message = refused(TypeError, **({"grads": tree} if argument == "grads" else {"state": {"t": 0, "s": tree}}))
    assert message.startswith(f"`{argument}`['a'][0] is ")
    assert wrong_dtype in message
    assert "float32" in message


@pytest.mark.parametrize(
    ("library", "device"), [("numpy", None), ("array_api_strict", "device2"), ("array_api_strict", "CPU_DEVICE")]
)
def test_array_of_another_library_or_device_is_refused(
    refused: Callable[..., str], backend: Backend, library: str, device: str | None
) -> None:
    other = get_backend(f"{library}:{device}" if device else library)
    if other == backend:
        pytest.skip("this is the library that is tested")
    message = refused(TypeError, grads={"a": [other.asarray(np.ones((2, 3), "float32"))]})
    article = "an" if library.startswith("a") else "a"
    assert message.startswith(f"`grads`['a'][0] is {article} {library} array of dtype ")
    assert str(other.device) in message.partition(", and ")[0]
    assert str(backend.device) in message.partition(", and ")[2]


@pytest.mark.parametrize("other", [Momentum(), Adam()])
def test_state_of_another_rule_is_refused(
    refused: Callable[..., str], backend: Backend, normal: Callable[..., Any], other: Optimizer
) -> None:
    state = other.init({"a": [normal(0, 2, 3)]})
    assert refused(ValueError, state=state) == (
        f"`state` of RMSProp is a dict with the keys 't', 's'; got the keys {', '.join(map(repr, state))}"
    )


@pytest.mark.parametrize("state", [None, ["t", "s"], "ts", np.zeros((3, 3)), {}, {"t": 0}])
def test_state_that_is_none_is_refused(refused: Callable[..., str], state: Any) -> None:
    error = ValueError if isinstance(state, dict) else TypeError
    assert refused(error, state=state).startswith("`state` of RMSProp is a dict with the keys 't', 's'; got ")


@pytest.mark.parametrize(
    ("t", "error", "words"),
    [
        ("3", TypeError, "must be an integer; got '3' (str)"),
        (1.5, TypeError, "must be an integer; got 1.5 (float)"),
        (None, TypeError, "must be an integer; got None (NoneType)"),
        (-1, ValueError, "must be 0 or greater; got -1"),
        (np.asarray(1.5), TypeError, "must be an integer; got array(1.5) (ndarray)"),
        (np.asarray([3]), TypeError, "must be an integer; got array([3]) (ndarray)"),
    ],
)
def test_number_of_the_update_is_checked(
    refused: Callable[..., str], normal: Callable[..., Any], t: Any, error: type[Exception], words: str
) -> None:
    state = {"t": t, "s": {"a": [normal(0, 2, 3)]}}
    assert refused(error, state=state) == f"`state['t']` {words}"


def test_strict_arrays_do_not_warn_when_libraries_are_mixed() -> None:
    w, g = np.zeros(2), array_api_strict.zeros(2, dtype=array_api_strict.float64)
    with pytest.raises(TypeError, match="`grads` is an array_api_strict array"):  # and no UserWarning
        Adam().update(w, g, Adam().init(w))


def test_float16_is_refused_as_it_has_no_exponent_for_eps() -> None:
    with pytest.raises(TypeError, match=r"bfloat16 \(of PyTorch or JAX\); got a numpy array of dtype float16"):
        Adam().init(np.zeros(2, "float16"))
