"""Properties of every wrapper."""

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parameter_tools import gradients, set_gradients, values

from cutedl_xp import Backend, Model, Parameter, optimizers
from cutedl_xp.layers import Dense
from cutedl_xp.optimizers import ElementwiseOptimizer, Optimizer
from optimizer_table import AROUND

UPDATES = 8

each = pytest.mark.parametrize("make", AROUND.values(), ids=AROUND)


@pytest.fixture
def model(backend: Backend, dtype: str) -> Model:
    return Model([Dense(3, input_dim=2), Dense(2), Dense(2)]).assemble(backend, dtype, seed=1)


def params_of(model: Model) -> dict[str, Any]:
    return {name: model.backend.asarray(value) for name, value in values(model.parameters).items()}


def on_device(backend: Backend, tree: Any, dtype: str) -> Any:
    """Return nested dicts of NumPy arrays as arrays of the backend."""
    if isinstance(tree, dict):
        return {key: on_device(backend, child, dtype) for key, child in tree.items()}
    return backend.asarray(tree, dtype=dtype) if isinstance(tree, np.ndarray) else tree


def test_table_has_every_public_one() -> None:
    public = {name for name in optimizers.__all__ if not issubclass(getattr(optimizers, name), ElementwiseOptimizer)}
    assert AROUND.keys() - {"several"} == public - {"Optimizer"}


@each
def test_model_list_of_parameters_and_pure_update_agree(
    make: Callable[[], Optimizer],
    model: Model,
    dtype: str,
    on_host: Callable[[Any], Any],
    alike: Callable[[Any, Any], bool],
) -> None:
    params = params_of(model)
    loose = [Parameter(name, model.backend.asarray(value, dtype)) for name, value in on_host(params).items()]
    pure, of_list, of_model = make(), make(), make()
    state = pure.init(params)
    for number in range(UPDATES):
        grads = gradients(model.parameters, number)
        for parameters, optimizer in ((loose, of_list), (model.parameters, of_model)):
            set_gradients(parameters, number)
            optimizer.step(parameters)
        params, state = pure.update(params, on_device(model.backend, grads, dtype), state)
    for parameters, optimizer in ((loose, of_list), (model.parameters, of_model)):
        assert alike(values(parameters), on_host(params))
        assert alike(on_host(optimizer.state), on_host(state))


@each
def test_a_state_saved_in_the_middle_continues_with_the_same_bits(
    make: Callable[[], Optimizer],
    model: Model,
    dtype: str,
    on_host: Callable[[Any], Any],
    same_bits: Callable[[Any, Any], bool],
) -> None:
    params, state = params_of(model), make().init(params_of(model))
    for number in range(UPDATES):
        if number == 5:
            saved = copy.deepcopy(on_host([params, state]))
            json.dumps(saved, default=np.ndarray.tolist)  # it is plain data
        params, state = make().update(
            params, on_device(model.backend, gradients(model.parameters, number), dtype), state
        )
    again, loaded = (on_device(model.backend, tree, dtype) for tree in saved)
    for number in range(5, UPDATES):
        again, loaded = make().update(
            again, on_device(model.backend, gradients(model.parameters, number), dtype), loaded
        )
    assert same_bits(on_host([again, loaded]), on_host([params, state]))


@each
def test_a_copied_optimizer_continues_as_the_original_does(make: Callable[[], Optimizer], model: Model) -> None:
    optimizer = make()

    def steps(model: Model, optimizer: Optimizer, numbers: range) -> np.ndarray:
        for number in numbers:
            set_gradients(model.parameters, number)
            optimizer.step(model.parameters)
        return np.array(model.backend.to_numpy(model.parameters.flat.value))

    steps(model, optimizer, range(3))
    other, copied = copy.deepcopy((model, optimizer))
    np.testing.assert_array_equal(steps(other, copied, range(3, 6)), steps(model, optimizer, range(3, 6)))


@each
def test_nothing_handed_in_changes(
    make: Callable[[], Optimizer], model: Model, dtype: str, unchanged: Callable[..., Any]
) -> None:
    params, rule = params_of(model), make()
    state = rule.init(params)
    for number in range(3):
        grads = on_device(model.backend, gradients(model.parameters, number), dtype)
        kept = copy.deepcopy(_without_arrays(state))
        with unchanged(*params.values(), *grads.values(), *_arrays(state)):
            after = rule.update(params, grads, state)
        assert _without_arrays(state) == kept
        params, state = after


def _arrays(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [array for child in tree.values() for array in _arrays(child)]
    return [] if isinstance(tree, int) else [tree]


def _without_arrays(tree: Any) -> Any:
    return (
        {key: _without_arrays(child) for key, child in tree.items()}
        if isinstance(tree, dict)
        else (tree if isinstance(tree, int) else None)
    )


@each
def test_it_belongs_to_its_first_parameters(make: Callable[[], Optimizer], model: Model) -> None:
    optimizer = make()
    optimizer.step(list(model.parameters))
    optimizer.step(model.parameters)
    if isinstance(optimizer, optimizers.Frozen):
        return
    other = Model(model.layers).assemble(model.backend, model.dtype).parameters
    with pytest.raises(ValueError, match=r"^this \w+ keeps the state of other parameters \("):
        optimizer.step(other)


@each
def test_a_state_of_another_is_refused(make: Callable[[], Optimizer]) -> None:
    params = {"/1-/weight": np.zeros(2), "/1-/bias": np.zeros(2), "/2-/weight": np.zeros(2)}
    for state, error in (({"x": 1}, ValueError), (None, TypeError)):
        with pytest.raises(error, match=r"^`state` of \w+ is a dict with "):
            make().update(params, params, state)


@pytest.mark.parametrize(
    ("make", "name", "value", "error", "words"),
    [
        (lambda: optimizers.Accumulate(optimizers.Fixed(), 2), "every", 0, ValueError, "must be 1 or greater; got 0"),
        (lambda: optimizers.Accumulate(optimizers.Fixed(), 2), "every", 2.0, TypeError, "must be an integer; got 2.0"),
        (lambda: optimizers.AverageWeights(optimizers.Fixed()), "decay", 1.0, ValueError, "must lie strictly between"),
        (lambda: optimizers.ClipByNorm(optimizers.Fixed(), 1.0), "limit", -1, ValueError, "must be greater than 0"),
        (lambda: optimizers.ClipByNorm(optimizers.Fixed(), 1.0), "limit", 1e39, ValueError, "must be representable in"),
        (lambda: optimizers.ClipByValue(optimizers.Momentum(), 1.0), "lr", -1, ValueError, "must be greater than 0"),
    ],
)
def test_options_are_checked_when_they_are_assigned(
    make: Callable[[], Optimizer], name: str, value: Any, error: type[Exception], words: str
) -> None:
    optimizer = make()
    before = repr(optimizer)
    with pytest.raises(error, match=f"^`{name}` {words}"):
        setattr(optimizer, name, value)
    assert repr(optimizer) == before


@each
def test_the_optimizers_within_stay(make: Callable[[], Optimizer]) -> None:
    optimizer = make()
    inner = [name for name in ("optimizer", "optimizers", "children") if hasattr(optimizer, name)]
    assert inner
    for name in inner:
        with pytest.raises(AttributeError, match=r"cannot be assigned; make a new|no setter"):
            setattr(optimizer, name, optimizers.Fixed())


def test_the_rules_within_are_those_that_have_a_rate(model: Model) -> None:
    found = {name: [type(rule).__name__ for rule in make().rules] for name, make in AROUND.items()}
    assert found == {
        "Accumulate": ["Adam"],
        "AverageWeights": ["Adam"],
        "ClipByGlobalNorm": ["Momentum"],
        "ClipByNorm": ["Momentum"],
        "ClipByValue": ["Momentum"],
        "Frozen": [],
        "Groups": ["Momentum", "AdamW"],
        "SkipNonFinite": ["RMSProp"],
        "several": ["NAdam", "Lion"],
    }
