"""``init`` and ``update`` on arrays of PyTorch and JAX."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp.optimizers import Adadelta, Adam, Optimizer
from optimizer_table import AROUND, REFERENCES

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

Tree = Any

RULES = list(REFERENCES)
EPSILON = {"float32": 1e-6, "float64": 1e-14}
"""Tolerance for rounding differences of libraries, after a few updates of numbers of about 1."""

rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def tree(number: int, dtype: str) -> Tree:
    """Return nested NumPy arrays of several shapes, which depend on the number."""
    random = np.random.default_rng(number)
    shapes = {"weight": (3, 4), "bias": (4,), "scale": (), "none": (2, 0)}
    arrays = {name: np.asarray(random.normal(size=shape), dtype=dtype) for name, shape in shapes.items()}
    return {"layers": [(arrays["weight"], arrays["bias"]), {"scale": arrays["scale"]}], "none": arrays["none"]}


def mapped(function: Callable[[Any], Any], tree: Tree) -> Tree:
    if isinstance(tree, dict):
        return {key: mapped(function, child) for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(function, child) for child in tree)
    return function(tree)


def leaves(tree: Tree) -> list[Any]:
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def train(rule: Optimizer, make: Callable[[Any], Any], dtype: str, update: Any = None) -> tuple[Tree, dict[str, Any]]:
    params = mapped(make, tree(0, dtype))
    state = rule.init(params)
    for number in range(1, 6):
        params, state = (update or rule.update)(params, mapped(make, tree(number, dtype)), state)
    return params, state


def assert_like_numpy(rule: Optimizer, dtype: str, params: Tree, state: dict[str, Any]) -> None:
    wanted = train(rule, np.asarray, dtype)
    assert int(state["t"]) == wanted[1]["t"] == 5
    for found, array in zip(
        leaves([params, *(state[slot] for slot in rule.slots)]),
        leaves([wanted[0], *(wanted[1][slot] for slot in rule.slots)]),
        strict=True,
    ):
        assert str(found.dtype).rpartition(".")[2] == dtype
        assert tuple(found.shape) == array.shape
        np.testing.assert_allclose(np.asarray(found), array, rtol=EPSILON[dtype], atol=EPSILON[dtype])


@rules
@dtypes
def test_torch_tensors_are_updated_as_numpy_arrays(rule: type[Optimizer], dtype: str) -> None:
    params, state = train(rule(), torch.asarray, dtype)
    assert all(type(leaf) is torch.Tensor for leaf in leaves(params))
    assert type(state["t"]) is int
    assert_like_numpy(rule(), dtype, params, state)


@rules
@dtypes
def test_jax_arrays_are_updated_as_numpy_arrays(rule: type[Optimizer], dtype: str) -> None:
    params, state = train(rule(), jax.numpy.asarray, dtype)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves(params))
    assert_like_numpy(rule(), dtype, params, state)


@rules
@dtypes
def test_update_is_traced_once_with_its_whole_state(rule: type[Optimizer], dtype: str) -> None:
    optimizer, traced = rule(), []

    def update(params: Tree, grads: Tree, state: dict[str, Any]) -> tuple[Tree, dict[str, Any]]:
        traced.append(state["t"])
        return optimizer.update(params, grads, state)

    params, state = train(optimizer, jax.numpy.asarray, dtype, jax.jit(update))
    assert isinstance(state["t"], jax.Array)
    assert len(traced) <= 2  # t is a Python int before the first update, and an array after it
    assert_like_numpy(optimizer, dtype, params, state)


@rules
@dtypes
def test_number_of_the_update_as_an_array_promotes_nothing_under_jit(rule: type[Optimizer], dtype: str) -> None:
    optimizer = rule()
    params = mapped(jax.numpy.asarray, tree(0, dtype))
    state = {**optimizer.init(params), "t": jax.numpy.asarray(0, dtype="int64")}
    update = jax.jit(optimizer.update)
    for number in range(1, 6):
        params, state = update(params, mapped(jax.numpy.asarray, tree(number, dtype)), state)
    assert_like_numpy(optimizer, dtype, params, state)


@rules
def test_update_runs_in_a_loop_of_jax(rule: type[Optimizer]) -> None:
    optimizer = rule()
    params = mapped(jax.numpy.asarray, tree(0, "float64"))
    grads = mapped(lambda *arrays: jax.numpy.asarray(arrays[0]), tree(1, "float64"))
    state = {**optimizer.init(params), "t": jax.numpy.asarray(0)}
    found = jax.lax.fori_loop(0, 4, lambda _, carry: optimizer.update(carry[0], grads, carry[1]), (params, state))
    for _ in range(4):
        params, state = optimizer.update(params, grads, state)
    for one, other in zip(leaves(found[0]), leaves(params), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", AROUND)
def test_wrappers_are_traced(name: str) -> None:
    optimizer, random = AROUND[name](), np.random.default_rng(0)
    shapes = {"/1-Dense/weight": (2, 3), "/1-Dense/bias": (3,), "/2-Dense/weight": (3, 2), "/2-Dense/bias": (2,)}
    trees = [{key: jax.numpy.asarray(random.normal(size=shape)) for key, shape in shapes.items()} for _ in range(6)]
    if name == "SkipNonFinite":
        trees[3]["/2-Dense/weight"] = trees[3]["/2-Dense/weight"].at[1, 1].set(np.nan)
    params = expected = trees[0]
    state, wanted = optimizer.init(params), optimizer.init(params)
    update = jax.jit(optimizer.update)
    for grads in trees[1:]:
        params, state = update(params, grads, state)
        expected, wanted = optimizer.update(expected, grads, wanted)
    assert jax.tree.structure([params, state]) == jax.tree.structure([expected, wanted])
    for one, other in zip(jax.tree.leaves([params, state]), jax.tree.leaves([expected, wanted]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@rules
def test_misuse_is_named_while_tracing_too(rule: type[Optimizer]) -> None:
    optimizer, w = rule(), jax.numpy.zeros(3)
    with pytest.raises(ValueError, match=r"`grads` has shape \(2,\); `params` has \(3,\)"):
        jax.jit(optimizer.update)(w, jax.numpy.zeros(2), optimizer.init(w))
    with pytest.raises(TypeError, match=r"`grads` is a .* array of dtype float32"):
        jax.jit(optimizer.update)(w, jax.numpy.zeros(3, dtype="float32"), optimizer.init(w))


TENSORS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "not contiguous": lambda: (torch.arange(12.0).reshape(3, 4).T[::2], torch.ones(4, 3)[::2]),
    "expanded": lambda: (torch.ones(3), torch.ones(1).expand(3)),
    "memory of a NumPy array": lambda: (torch.from_numpy(np.ones(3)), torch.from_numpy(np.full(3, 2.0))),
    "of a module": lambda: (
        torch.nn.Linear(2, 3).requires_grad_(False).weight,
        torch.full((3, 2), 0.5),
    ),
    "half precision": lambda: (torch.ones(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16)),
}


@rules
@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)
def test_foreign_tensors_are_accepted_and_not_changed(
    rule: type[Optimizer], make: Callable[[], tuple[Any, Any]]
) -> None:
    w, g = make()
    before = w.clone(), g.clone()
    optimizer = rule()
    state = optimizer.init(w)
    after, _ = optimizer.update(w, g, state)
    assert (after.shape, after.dtype, after.device) == (w.shape, w.dtype, w.device)
    assert torch.equal(w, before[0])
    assert torch.equal(g, before[1])
    assert all(not state[slot].any() for slot in rule().slots)
    moved = torch.sign(before[0] - after)
    assert torch.equal(moved[moved != 0], torch.sign(before[1])[moved != 0])


ANY = [*REFERENCES, *(make for name, make in AROUND.items() if name not in ("Groups", "several"))]


@pytest.mark.parametrize("make", ANY)
def test_tensors_that_require_gradients_are_updated_without_a_graph_inside_no_grad(make: Any) -> None:
    module = torch.nn.Linear(2, 3)
    params = dict(module.named_parameters())
    optimizer = make()
    module(torch.ones(4, 2)).sum().backward()
    with torch.no_grad():
        state = optimizer.init(params)
        after, state = optimizer.update(params, {name: p.grad for name, p in params.items()}, state)
    kept = [leaf for leaf in jax.tree.leaves([after, state]) if isinstance(leaf, torch.Tensor)]
    assert not any(leaf.requires_grad for leaf in kept if all(leaf is not own for own in params.values()))


@pytest.mark.parametrize("make", [torch.asarray, jax.numpy.asarray], ids=["torch", "jax"])
def test_libraries_are_not_mixed(make: Callable[[Any], Any]) -> None:
    here, there = np.zeros(3), make(np.zeros(3))
    for w, g in ((here, there), (there, here)):
        with pytest.raises(TypeError, match=r"^`grads` is a .* array .*, and `params` is a .* array .*; move it with "):
            Adam().update(w, g, Adam().init(w))


def test_adadelta_is_torchs_with_eps_moved_out_of_the_roots() -> None:
    w, g = np.zeros(3), np.array([0.5, 1.0, -20.0])
    tensor = torch.tensor(w, requires_grad=True)
    tensor.grad = torch.tensor(g)
    torch.optim.Adadelta([tensor], lr=1.0, rho=0.99, eps=1e-6).step()
    ours, _ = Adadelta(rho=0.99, eps=1e-6).update(w, g, Adadelta().init(w))
    np.testing.assert_allclose(tensor.detach().numpy() / ours, 1_000.0, rtol=1e-3)
