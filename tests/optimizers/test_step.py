"""``step``: in place on parameters, with state by their names, for the parameters of the first call."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
from parameter_tools import set_gradients, values

from cutedl_xp import Backend, Model, Parameter, get_backend
from cutedl_xp.layers import Dense
from cutedl_xp.optimizers import Adam, Fixed, Momentum, Optimizer


@pytest.fixture
def model(backend: Backend, dtype: str) -> Model:
    return Model([Dense(150, input_dim=120), Dense(4, activation="linear")]).assemble(backend, dtype, seed=1)


@pytest.fixture
def make(normal: Callable[..., Any], dtype: str) -> Callable[..., Parameter]:
    """Return a function that makes a parameter with a gradient; the numbers depend on the name."""

    def parameter(name: str, *shape: int) -> Parameter:
        seed = sum(name.encode())
        return Parameter(name, normal(seed, *shape, dtype=dtype), normal(seed + 1, *shape, dtype=dtype))

    return parameter


def test_model_list_of_parameters_and_pure_update_agree(
    rule: type[Optimizer],
    model: Model,
    backend: Backend,
    on_host: Callable[[Any], Any],
    agree: Callable[[Any, Any], bool],
) -> None:
    apart = [Parameter(p.name, backend.asarray(backend.to_numpy(p.value).copy())) for p in model.parameters]
    params = {p.name: backend.asarray(backend.to_numpy(p.value).copy()) for p in model.parameters}
    of_model, of_list, pure = rule(), rule(), rule()
    state = pure.init(params)
    for number in range(3):
        for parameters in (model.parameters, apart):
            set_gradients(parameters, number)
        params, state = pure.update(params, {p.name: p.gradient for p in apart}, state)
        of_model.step(model.parameters)
        of_list.step(apart)
    assert agree(values(model.parameters), on_host(params))
    assert agree(values(apart), on_host(params))
    assert agree(on_host(of_model.state), on_host(state))
    assert agree(on_host(of_list.state), on_host(state))


@pytest.fixture
def calls(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the number of entries in each call of the backend's ``apply_rule``."""
    found: list[int] = []
    original = type(backend).apply_rule

    def counting(self: Backend, rule: Any, arrays: Any, *numbers: Any, **options: Any) -> Any:
        found.append(prod(arrays[0].shape))
        return original(self, rule, arrays, *numbers, **options)

    monkeypatch.setattr(type(backend), "apply_rule", counting)
    return found


@pytest.mark.views
def test_model_is_updated_in_one_call(rule: type[Optimizer], model: Model, calls: list[int]) -> None:
    optimizer = rule()
    for _ in range(2):
        optimizer.step(model.parameters)
    assert calls == 2 * [120 * 150 + 150 + 150 * 4 + 4]


def test_loose_parameters_are_updated_one_by_one(
    rule: type[Optimizer], make: Callable[..., Parameter], calls: list[int]
) -> None:
    rule().step([make("a", 2, 3), make("b"), make("c", 0)])
    assert calls == [6, 1, 0]


@pytest.mark.views
def test_parameter_keeps_its_arrays(rule: type[Optimizer], model: Model, to_numpy: Callable[[Any], np.ndarray]) -> None:
    set_gradients(model.parameters, 0)
    before = [(p.value, p.gradient) for p in model.parameters]
    gradients = to_numpy(model.parameters.flat.gradient).copy()
    old = to_numpy(model.parameters.flat.value).copy()
    rule().step(model.parameters)
    for parameter, (value, gradient) in zip(model.parameters, before, strict=True):
        assert parameter.value is value
        assert parameter.gradient is gradient
    in_memory = [*before[::2], *before[1::2]]  # all weights, then all biases
    moved = np.concatenate([to_numpy(value).reshape(-1) for value, _ in in_memory])
    np.testing.assert_array_equal(to_numpy(model.parameters.flat.value), moved)
    assert (moved != old).all()
    np.testing.assert_array_equal(to_numpy(model.parameters.flat.gradient), gradients)


@pytest.mark.views
def test_array_given_to_a_parameter_is_written_in_place(rule: type[Optimizer], normal: Callable[..., Any]) -> None:
    array = normal(0, 3, 2)
    parameter = Parameter("w", array, normal(1, 3, 2))
    before = values([parameter])["w"]
    rule().step([parameter])
    assert parameter.value is array
    assert (values([parameter])["w"] != before).all()


def test_step_uses_values_and_gradients_assigned_in_between(
    rule: Callable[..., Optimizer], backend: Backend, model: Model
) -> None:
    first = next(iter(model.parameters))
    optimizer = rule(weight_decay=0.0)
    optimizer.step(model.parameters)
    first.value = np.full(first.value.shape, 5.0)
    optimizer.step(model.parameters)
    assert (backend.to_numpy(first.value) == 5.0).all()  # its gradient is 0
    first.gradient = np.ones(first.value.shape)
    optimizer.step(model.parameters)
    assert (backend.to_numpy(first.value) < 5.0).all()


def test_state_is_kept_by_name(
    rule: type[Optimizer], make: Callable[..., Parameter], on_host: Callable[[Any], Any]
) -> None:
    optimizer = rule()
    assert optimizer.state == {"t": 0, **{slot: {} for slot in rule().slots}}
    parameters = [make("/1/weight", 2, 3), make("/1/bias", 3)]
    for number in (1, 2):
        optimizer.step(parameters)
        assert optimizer.state["t"] == number
    for slot in rule().slots:
        assert {name: array.shape for name, array in optimizer.state[slot].items()} == {
            "/1/weight": (2, 3),
            "/1/bias": (3,),
        }
        assert all(array.any() for array in on_host(optimizer.state[slot]).values())


def test_state_that_decays_becomes_0_before_it_is_slow_to_compute_with(backend: Backend) -> None:
    """A mean of gradients that stay 0 would otherwise remain a subnormal number permanently."""
    if backend.name == "cupy":
        pytest.skip("a GPU computes with them as fast as with others")
    parameter = Parameter("w", backend.asarray(np.zeros(2, "float32")), backend.asarray(np.float32([1e-30, 1.0])))
    optimizer = Momentum(lr=1e-3, momentum=0.9)
    optimizer.step([parameter])
    parameter.gradient = np.zeros(2)
    for _ in range(255):
        optimizer.step([parameter])
    decayed, normal = backend.to_numpy(optimizer.state["v"]["w"])
    assert decayed == 0.0
    assert normal == pytest.approx(1e-3 * 0.9**255, rel=1e-3)


def test_changing_the_dicts_of_the_state_changes_nothing(make: Callable[..., Parameter]) -> None:
    optimizer, parameters = Momentum(), [make("a", 2)]
    optimizer.step(parameters)
    optimizer.state["v"].clear()
    optimizer.state["t"] = 7
    assert optimizer.state["t"] == 1
    assert optimizer.state["v"].keys() == {"a"}


def test_two_optimizers_of_a_class_share_nothing(make: Callable[..., Parameter]) -> None:
    one, other = Momentum(), Momentum()
    one.step([make("a", 2)])
    other.step([make("b", 3)])
    assert (one.state["v"].keys(), other.state["v"].keys()) == ({"a"}, {"b"})


OTHERS: dict[str, Callable[[Model, Callable[..., Parameter]], Any]] = {
    "a part of its own": lambda model, make: model.parameters[:2],
    "its own in another order": lambda model, make: list(model.parameters)[::-1],
    "one more": lambda model, make: [*model.parameters, make("more")],
    "those of another model": lambda model, make: (
        Model([Dense(150, input_dim=120), Dense(4)]).assemble(model.backend).parameters
    ),
    "those of the same model assembled again": lambda model, make: model.assemble(model.backend).parameters,
    "loose ones": lambda model, make: [make("a", 2)],
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_optimizer_belongs_to_its_first_parameters(
    rule: type[Optimizer], model: Model, make: Callable[..., Parameter], other: Callable[..., Any]
) -> None:
    optimizer = rule()
    own = model.parameters
    optimizer.step(own)
    given = other(model, make)
    before = values(given), values(own)
    with pytest.raises(ValueError, match=rf"this {rule.__name__} keeps the state of other parameters \('/1-") as caught:
        optimizer.step(given)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("make a new optimizer for each model or group")
    for (name, array), found in zip(
        [*before[0].items(), *before[1].items()], [*values(given).values(), *values(own).values()], strict=True
    ):
        np.testing.assert_array_equal(found, array, err_msg=name)
    assert optimizer.state["t"] == 1
    optimizer.step(own)
    assert optimizer.state["t"] == 2


def test_the_names_of_another_models_parameters_are_once_in_the_error(backend: Backend) -> None:
    first, second = (Model([Dense(2, input_dim=3)]).assemble(backend) for _ in range(2))
    optimizer = Fixed()
    optimizer.step(first.parameters)
    message = r"other parameters \('/1-Dense/weight', '/1-Dense/bias'; given those of another model\); make a new"
    with pytest.raises(ValueError, match=message):
        optimizer.step(second.parameters)


def test_same_parameters_in_another_sequence_are_its_own(model: Model, make: Callable[..., Parameter]) -> None:
    of_model, of_list = Adam(), Adam()
    a, b = make("a", 2), make("b", 3)
    for _ in range(2):
        of_model.step(model.parameters)
        of_model.step(list(model.parameters))
        of_list.step([a, b])
        of_list.step((a, b))
    assert (of_model.state["t"], of_list.state["t"]) == (4, 4)


@pytest.mark.parametrize("change", [lambda own, new: own.append(new), lambda own, new: own.__setitem__(0, new)])
def test_list_changed_after_the_first_step_is_noticed(
    make: Callable[..., Parameter], change: Callable[[list[Parameter], Parameter], None]
) -> None:
    optimizer, parameters = Fixed(), [make("a", 2), make("b", 3)]
    optimizer.step(parameters)
    change(parameters, make("c", 2))
    with pytest.raises(ValueError, match=r"keeps the state of other parameters \('a', 'b'; given .*'c'"):
        optimizer.step(parameters)


MISUSES: dict[str, tuple[Callable[[Callable[..., Parameter]], Any], type[Exception], str]] = {
    "nothing": (lambda make: [], ValueError, "`parameters` is empty; there is nothing to train"),
    "a name twice": (
        lambda make: [make("a", 2), make("b"), make("a", 3)],
        ValueError,
        "`parameters` must have different names; got 'a', 'b', 'a'",
    ),
    "an array": (
        lambda make: [make("a", 2), make("a", 2).value],
        TypeError,
        "`parameters` must be Parameter objects; got ",
    ),
    "arrays by name": (
        lambda make: {"a": make("a")},
        TypeError,
        "`parameters` must be a sequence such as model.parameters; got dict",
    ),
    "one parameter": (
        lambda make: make("a"),
        TypeError,
        "`parameters` must be a sequence such as model.parameters; got Parameter",
    ),
    "a generator": (
        lambda make: (make(name) for name in "ab"),
        TypeError,
        "`parameters` must be a sequence such as model.parameters; got generator",
    ),
}


@pytest.mark.parametrize(("build", "error", "words"), MISUSES.values(), ids=MISUSES)
@pytest.mark.parametrize("used", [False, True], ids=["at first", "later"])
def test_misuse_is_one_clear_sentence_and_changes_nothing(
    make: Callable[..., Parameter], build: Callable[..., Any], error: type[Exception], words: str, used: bool
) -> None:
    optimizer, own = Adam(), [make("own", 2)]
    if used:
        optimizer.step(own)
    with pytest.raises(error) as caught:
        optimizer.step(build(make))
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    optimizer.step(own)  # which it may still belong to
    assert optimizer.state["t"] == 1 + used


def test_parameters_of_several_libraries_are_updated_together(
    rule: type[Optimizer], make: Callable[..., Parameter], dtype: str
) -> None:
    here, there = make("here", 2, 3), get_backend("array_api_strict:device2")
    twin = Parameter("there", *(there.asarray(here.backend.to_numpy(a).copy()) for a in (here.value, here.gradient)))
    rule().step([here, twin])
    np.testing.assert_array_equal(values([here])["here"], values([twin])["there"])
