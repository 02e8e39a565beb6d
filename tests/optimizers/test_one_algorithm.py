"""``update``, with and without donated arrays, and ``step`` are one algorithm; its state can be read and assigned."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parameter_tools import gradients, set_gradients, values

from cutedl_xp import Backend, Model, Parameter, optimizers
from cutedl_xp.layers import Dense
from cutedl_xp.optimizers import (
    Accumulate,
    Adam,
    AverageWeights,
    ClipByGlobalNorm,
    ElementwiseOptimizer,
    Fixed,
    Frozen,
    Groups,
    Momentum,
    Optimizer,
    RMSProp,
)
from cutedl_xp.optimizers._pure import PureOptimizer
from optimizer_table import AROUND, VARIANTS

EVERY: dict[str, Callable[[], Optimizer]] = {variant.kind.__name__: variant.make for variant in VARIANTS} | AROUND
"""Return the last variant of each rule, and every wrapper; other variants differ only in their formula."""

each = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


@pytest.fixture
def model(backend: Backend, dtype: str) -> Model:
    return Model([Dense(3, input_dim=2), Dense(2), Dense(2)]).assemble(backend, dtype, seed=1)


def copied(tree: Any, backend: Backend) -> Any:
    if isinstance(tree, dict):
        return {key: copied(child, backend) for key, child in tree.items()}
    return tree if isinstance(tree, int) else backend.copy(tree)


def train(optimizer: Optimizer, model: Model, numbers: range) -> None:
    for number in numbers:
        set_gradients(model.parameters, number)
        optimizer.step(model.parameters)


def test_the_base_classes_alone_define_step_and_update() -> None:
    classes = [found for found in vars(optimizers).values() if inspect.isclass(found) and issubclass(found, Optimizer)]
    for name, wanted in (("step", Optimizer), ("update", PureOptimizer)):
        assert {base for found in classes for base in found.__mro__ if name in vars(base)} == {wanted}


@each
def test_donated_arrays_and_steps_give_the_same_bits(
    make: Callable[[], Optimizer],
    model: Model,
    dtype: str,
    backend: Backend,
    on_host: Callable[[Any], Any],
    agree: Callable[[Any, Any], bool],
) -> None:
    kept, donating, in_place = make(), make(), make()
    params = {p.name: backend.copy(p.value) for p in model.parameters}
    state = kept.init(params)
    given, given_state = copied(params, backend), donating.init(copied(params, backend))
    for number in range(7):
        drawn = gradients(model.parameters, number)
        grads = {name: backend.asarray(g, dtype) for name, g in drawn.items()}
        params, state = kept.update(params, grads, state)
        given, given_state = donating.update(given, copied(grads, backend), given_state, donate=True)
        set_gradients(model.parameters, number)
        in_place.step(model.parameters)
    assert agree(on_host([given, given_state]), on_host([params, state]))
    assert agree(values(model.parameters), on_host(params))
    assert agree(on_host(in_place.state), on_host(state))


@pytest.mark.views
@each
def test_donated_arrays_are_written_to(make: Callable[[], Optimizer], backend: Backend) -> None:
    params = {name: backend.asarray(np.ones(3)) for name in ("/1/weight", "/1/bias", "/2-/weight")}
    before = dict(params)
    rule = make()
    state = rule.init(params)
    for _ in range(2):
        params, state = rule.update(params, copied(params, backend), state, donate=True)
    assert all(params[name] is array for name, array in before.items())


def test_arrays_that_cannot_be_written_to_are_left_alone_although_donated() -> None:
    w = np.ones(3)
    w.flags.writeable = False
    after, _ = Adam(0.1).update(w, np.ones(3), Adam(0.1).init(w), donate=True)
    assert w.tolist() == [1.0] * 3
    assert after.tolist() == pytest.approx([0.9] * 3)


def test_a_sweep_changes_subnormal_numbers_of_the_state_alone(backend: Backend) -> None:
    if backend.name in ("cupy", "jax"):
        pytest.skip("subnormal numbers are no burden there, or 0 already")
    g = np.asarray([1e-37, 1.0], "float32")
    parameter, rule = Parameter("w", backend.asarray(np.zeros(2, "float32"))), Momentum(0.1)
    arrays = {"w": backend.asarray(np.zeros(2, "float32"))}
    in_place, state = Momentum(0.1), rule.init(arrays)
    for number in range(128):
        grads = backend.asarray(g if number == 0 else np.zeros(2, "float32"))
        arrays, state = rule.update(arrays, {"w": grads}, state)
        parameter.gradient = grads
        in_place.step([parameter])
    v, swept = (backend.to_numpy(each["v"]["w"]) for each in (state, in_place.state))
    assert 0.0 < v[0] < np.finfo("float32").smallest_normal
    assert swept.tolist() == [0.0, v[1]]
    np.testing.assert_array_equal(backend.to_numpy(parameter.value), backend.to_numpy(arrays["w"]))


@each
@pytest.mark.parametrize("early", [True, False], ids=["before the first step", "later"])
def test_an_assigned_state_continues_with_the_same_bits(
    make: Callable[[], Optimizer],
    model: Model,
    backend: Backend,
    dtype: str,
    early: bool,
    on_host: Callable[[Any], Any],
    same_bits: Callable[[Any, Any], bool],
) -> None:
    optimizer, other = make(), make()
    train(optimizer, model, range(5))
    twin = Model(model.layers).assemble(backend, dtype, seed=2)
    if not early:
        train(other, twin, range(2))
    saved = on_host(optimizer.state)  # NumPy arrays
    other.state = saved
    assert same_bits(other.state if early else on_host(other.state), saved)
    for parameter, source in zip(twin.parameters, model.parameters, strict=True):
        parameter.value = backend.copy(source.value)
    for trained, each_model in ((optimizer, model), (other, twin)):
        train(trained, each_model, range(5, 9))
    assert same_bits(values(twin.parameters), values(model.parameters))
    assert same_bits(on_host(other.state), on_host(optimizer.state))


@each
def test_a_state_that_was_read_is_a_copy(
    make: Callable[[], Optimizer], model: Model, on_host: Callable[[Any], Any], same_bits: Callable[[Any, Any], bool]
) -> None:
    optimizer = make()
    train(optimizer, model, range(2))
    state = optimizer.state
    before = on_host(state)
    train(optimizer, model, range(2, 5))
    assert same_bits(on_host(state), before)


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = {
    "no dict": (lambda state: [], TypeError, r"^`state` of Momentum is a dict with the keys 't', 'v'; got list$"),
    "other keys": (lambda state: {"t": 1}, ValueError, r"^`state` of Momentum is a dict with the keys 't', 'v'; got "),
    "another count": (lambda state: state | {"t": -1}, ValueError, r"^`state\['t'\]` must be 0 or greater; got -1$"),
    "no names": (
        lambda state: state | {"v": [1.0]},
        TypeError,
        r"^`v`\[0\] must be an array, or a list, tuple or dict of arrays; got float$",
    ),
    "other names": (
        lambda state: state | {"v": {}},
        ValueError,
        r"^`v` must have the structure of `params`; only one of them has \['a'\], \['b'\]$",
    ),
    "another shape": (
        lambda state: state | {"v": state["v"] | {"b": np.zeros(2)}},
        ValueError,
        r"^`v`\['b'\] has shape \(2,\); `params`\['b'\] has \(3,\)$",
    ),
    "another dtype": (
        lambda state: state | {"v": state["v"] | {"b": np.zeros(3, "float32")}},
        TypeError,
        r"^`v`\['b'\] is an? .* of dtype float32 .*; convert it to float64$",
    ),
}


@pytest.mark.parametrize(("change", "error", "words"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("early", [True, False], ids=["before the first step", "later"])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    backend: Backend, change: Callable[[Any], Any], error: type[Exception], words: str, early: bool
) -> None:
    parameters = [Parameter(name, backend.asarray(np.ones(3)), backend.asarray(np.ones(3))) for name in "ab"]
    optimizer, other = Momentum(0.5), Momentum(0.5)
    optimizer.step(parameters)
    state = {"t": 1, "v": {name: backend.to_numpy(array) for name, array in optimizer.state["v"].items()}}

    def assign() -> None:
        chosen = other if early else optimizer
        chosen.state = change(state)
        chosen.step(parameters)

    with pytest.raises(error, match=words):
        assign()
    assert values(parameters)["a"].tolist() == [0.5] * 3
    assert optimizer.state["t"] == 1
    assert backend.to_numpy(optimizer.state["v"]["a"]).tolist() == [0.5] * 3


def failing(update: int) -> float:
    if update == 2:
        raise OSError("no rate")
    return 0.1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Groups({"*/weight": Adam(0.1), "*": Momentum(failing)}),
        lambda: AverageWeights(Groups({"*/bias": Frozen(), "*/weight": Accumulate(Fixed(failing), 1)})),
        lambda: ClipByGlobalNorm(Adam(failing), 0.1),
    ],
)
def test_a_schedule_that_fails_leaves_everything_unchanged(
    make: Callable[[], Optimizer], model: Model, on_host: Callable[[Any], Any], same_bits: Callable[[Any, Any], bool]
) -> None:
    optimizer = make()
    train(optimizer, model, range(2))
    before, state = values(model.parameters), on_host(optimizer.state)
    set_gradients(model.parameters, 2)
    grads = {p.name: np.array(model.backend.to_numpy(p.gradient)) for p in model.parameters}
    with pytest.raises(OSError, match="no rate"):
        optimizer.step(model.parameters)
    assert same_bits(values(model.parameters), before)
    assert same_bits(on_host(optimizer.state), state)
    assert same_bits({p.name: np.array(model.backend.to_numpy(p.gradient)) for p in model.parameters}, grads)


def test_a_gradient_of_a_wrong_dtype_in_the_second_group_changes_nothing(backend: Backend) -> None:
    params = {"a": backend.asarray(np.ones(2)), "b": backend.asarray(np.ones(2))}
    rule = Groups({"a": Fixed(1.0), "b": Fixed(1.0)})
    wrong = {"a": backend.asarray(np.ones(2)), "b": backend.asarray(np.ones(2, "float32"))}
    with pytest.raises(TypeError, match=r"^`grads`\['b'\] is .*float32"):
        rule.update(params, wrong, rule.init(params), donate=True)
    assert all(backend.to_numpy(w).tolist() == [1.0, 1.0] for w in params.values())


class Key:
    """A key of a dict with an empty repr."""

    def __repr__(self) -> str:
        return "key"


@pytest.mark.parametrize("keys", [(Key(), Key()), (float("nan"), float("nan")), (1, "1")], ids=["alike", "nan", "1"])
def test_keys_with_the_same_repr_have_their_own_results(keys: tuple[Any, Any], backend: Backend) -> None:
    one, two = keys
    params = {one: backend.asarray(np.zeros(1)), two: backend.asarray(np.zeros(1))}
    grads = {two: backend.asarray(np.full(1, 2.0)), one: backend.asarray(np.full(1, 1.0))}
    after, state = RMSProp(1.0).update(params, grads, RMSProp(1.0).init(params))
    plain, _ = Fixed(1.0).update(params, grads, {"t": 0})
    assert [float(plain[key][0]) for key in keys] == [-1.0, -2.0]
    assert [float(state["s"][key][0]) for key in keys] == pytest.approx([0.01, 0.04])
    assert list(after) == list(keys)


def test_a_wrapped_optimizer_keeps_its_state_by_itself(model: Model, on_host: Callable[[Any], Any]) -> None:
    inner = Momentum(0.1)
    train(inner, model, range(2))
    outer = AverageWeights(inner, 0.5)
    train(outer, model, range(2, 4))
    assert inner.state["t"] == outer.state["optimizer"]["t"] == 4
    train(inner, model, range(4, 5))
    assert outer.state["optimizer"]["t"] == 5


def test_learning_rates_are_those_of_the_last_update(model: Model) -> None:
    optimizer = Groups({"*/bias": Fixed(lambda k: 0.5**k), "/1-*": Frozen(), "*": ClipByGlobalNorm(Adam(0.1), 1.0)})
    assert optimizer.learning_rates() == {"*/bias": 1.0, "*": 0.1}
    train(optimizer, model, range(3))
    assert optimizer.learning_rates() == {"*/bias": 0.25, "*": 0.1}
    assert Fixed(0.5).learning_rates() == {"": 0.5}


@pytest.mark.parametrize("every", [2, 3, 4, 8])
def test_the_remaining_gradients_make_an_update_of_their_mean(every: int, backend: Backend) -> None:
    grads = [np.asarray([1.0, 2.0]), np.asarray([3.0, -2.0]), np.asarray([8.0, 0.0])]
    whole = len(grads) // every * every
    parameter, optimizer = Parameter("w", backend.asarray(np.zeros(2))), Accumulate(Fixed(1.0), every)
    rule, w = Accumulate(Fixed(1.0), every), backend.asarray(np.zeros(2))
    state = rule.init(w)
    for g in grads:
        parameter.gradient = g
        optimizer.step([parameter])
        w, state = rule.update(w, backend.asarray(g), state)
    for _ in range(2):  # the second read finds nothing
        optimizer.finish([parameter])
        w, state = rule.flush(w, state)
    wanted = -sum(np.mean(part, axis=0) for part in (grads[:whole], grads[whole:]) if len(part))
    np.testing.assert_allclose(backend.to_numpy(parameter.value), wanted)
    np.testing.assert_allclose(backend.to_numpy(w), wanted)
    assert optimizer.state["count"] == state["count"] == 0
    assert optimizer.state["optimizer"]["t"] == state["optimizer"]["t"] == (whole > 0) + (whole < len(grads))


@pytest.mark.parametrize("around", [lambda o: AverageWeights(o, 0.5), lambda o: ClipByGlobalNorm(o, 1e9), lambda o: o])
def test_wrappers_pass_the_end_of_a_training_on(around: Callable[[Optimizer], Optimizer], backend: Backend) -> None:
    optimizer = Groups({"a": around(Accumulate(Fixed(1.0), 2)), "*": Fixed(1.0)})
    parameters = [Parameter(name, backend.asarray(np.zeros(1)), backend.asarray(np.ones(1))) for name in "ab"]
    optimizer.step(parameters)
    assert values(parameters)["a"].tolist() == [0.0]
    optimizer.finish(parameters)
    assert values(parameters)["a"].tolist() == values(parameters)["b"].tolist() == [-1.0]


def test_deep_copies_of_optimizer_and_model_share_nothing(model: Model, on_host: Callable[[Any], Any]) -> None:
    optimizer = Groups({"*/weight": AverageWeights(Adam(0.1)), "*": ElementwiseOptimizer.__subclasses__()[0](0.1)})
    train(optimizer, model, range(2))
    other, again = copy.deepcopy((model, optimizer))
    before = values(model.parameters)
    train(again, other, range(2, 4))
    assert all((values(model.parameters)[name] == before[name]).all() for name in before)
    assert optimizer.state["*"]["t"] == 2
    assert again.state["*"]["t"] == 4


def test_a_schedule_that_fails_at_the_end_leaves_everything_unchanged(
    model: Model, on_host: Callable[[Any], Any]
) -> None:
    def rate(update: int) -> float:
        if failing_now:
            raise OSError("no rate")
        return 0.1

    failing_now = [True]
    optimizer = Groups({"*/weight": Accumulate(Fixed(0.1), 2), "*": Accumulate(Fixed(rate), 2)})
    train(optimizer, model, range(1))
    before = values(model.parameters)
    with pytest.raises(OSError, match="no rate"):
        optimizer.finish(model.parameters)
    assert all((values(model.parameters)[name] == value).all() for name, value in before.items())
    assert [state["count"] for state in optimizer.state.values()] == [1, 1]
    failing_now.clear()
    optimizer.finish(model.parameters)
    assert [state["count"] for state in optimizer.state.values()] == [0, 0]


def test_options_changed_in_a_later_group_are_refused_before_anything_is_computed(model: Model) -> None:
    optimizer = Groups({"*/weight": Fixed(0.1), "*": RMSProp()})
    train(optimizer, model, range(1))
    before = values(model.parameters)
    optimizer.optimizers["*"].centered = True  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match=r"^this RMSProp keeps s, and its changed options"):
        train(optimizer, model, range(1, 2))
    assert all((values(model.parameters)[name] == value).all() for name, value in before.items())


def test_the_state_is_searched_for_subnormal_numbers_once_every_128_updates(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[Any] = []
    monkeypatch.setattr(type(backend), "without_subnormals", lambda self, array: searches.append(1) or array)
    parameter = Parameter("w", backend.asarray(np.ones(2)), backend.asarray(np.ones(2)))
    optimizer = AverageWeights(Accumulate(Momentum(0.1), 3), 0.5)
    for number in range(1, 3 * 128 + 5):
        optimizer.step([parameter])
        assert len(searches) == (3 if number >= 3 * 128 else 0)  # the slot, the mean and the average


def test_a_state_assigned_to_a_wrapped_optimizer_is_its_wrappers(model: Model) -> None:
    trained, inner = Adam(lambda k: 0.5**k), Adam(lambda k: 0.5**k)
    train(trained, model, range(3))
    inner.state = trained.state
    assert inner.learning_rates() == {"": 0.25}
    assert ClipByGlobalNorm(inner, 1.0).state["t"] == AverageWeights(inner).state["optimizer"]["t"] == 3


def test_the_state_of_an_unused_optimizer_can_be_assigned(model: Model) -> None:
    optimizer = AverageWeights(Adam(0.1))
    optimizer.state = AverageWeights(Adam(0.1)).state
    train(optimizer, model, range(1))
    assert optimizer.state["optimizer"]["t"] == 1


def test_one_array_handed_in_twice_is_not_donated(backend: Backend) -> None:
    w, rule = backend.asarray(np.ones(2)), Fixed(0.1)
    after, _ = rule.update([w, w], [w, w], {"t": 0}, donate=True)
    for array in after:
        np.testing.assert_allclose(backend.to_numpy(array), [0.9, 0.9])
    assert backend.to_numpy(w).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("make", [Adam, lambda: ClipByGlobalNorm(Adam(), 1.0), lambda: AverageWeights(Adam())])
def test_a_tree_without_arrays_is_updated(make: Callable[[], Optimizer]) -> None:
    params, state = make().update([], [], make().init([]))
    assert params == []
    assert (state.get("optimizer") or state)["t"] == 1


@pytest.mark.views
def test_donated_arrays_of_any_order_are_written_to_under_strict_errors(backend: Backend) -> None:
    if backend.name != "numpy":
        pytest.skip("of NumPy alone")
    w, g = np.asfortranarray(np.ones((3, 4), "float32")), np.asfortranarray(np.full((3, 4), 1e-30, "float32"))
    rule = Adam(0.1)
    with np.errstate(all="raise"):
        after, _ = rule.update(w, g, rule.init(w), donate=True)
    assert after is w


def test_one_wrapper_in_two_groups_is_refused() -> None:
    shared = AverageWeights(Frozen())
    with pytest.raises(
        ValueError, match=r"^the patterns 'a' and 'b' of `optimizers` share an optimizer; make one for e"
    ):
        Groups({"a": shared, "b": shared})
    frozen = Frozen()
    assert list(Groups({"a": frozen, "b": frozen}).optimizers) == ["a", "b"]
