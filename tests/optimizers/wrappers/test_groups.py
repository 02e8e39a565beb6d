"""An optimizer for each group of parameters."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parameter_tools import set_gradients, values

from cutedl_xp import Backend, Dataset, Model, Parameter, Session, losses
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import ReduceOnPlateau
from cutedl_xp.optimizers import (
    Accumulate,
    Adam,
    AdamW,
    AverageWeights,
    ClipByGlobalNorm,
    Fixed,
    Frozen,
    Groups,
    Momentum,
)
from cutedl_xp.schedules import Step


@pytest.fixture
def model(backend: Backend, dtype: str) -> Model:
    return Model([Dense(3, input_dim=2), Dense(4), Dense(2)]).assemble(backend, dtype, seed=1)


def test_each_group_follows_its_own_rule(model: Model) -> None:
    twin = Model(model.layers).assemble(model.backend, model.dtype, seed=1)
    optimizer = Groups({"*/bias": Momentum(0.1), "/1-*": AdamW(0.1), "*": Fixed(0.5, weight_decay=0.1)})
    apart = [
        (Momentum(0.1), [p for p in twin.parameters if p.name.endswith("/bias")]),
        (AdamW(0.1), [twin.parameters[0]]),
        (Fixed(0.5, weight_decay=0.1), [p for p in twin.parameters[2:] if p.name.endswith("/weight")]),
    ]
    for number in range(4):
        for each in (model, twin):
            set_gradients(each.parameters, number)
        optimizer.step(model.parameters)
        for rule, parameters in apart:
            rule.step(parameters)
    rounding = dict.fromkeys(("rtol", "atol"), 4 * float(np.finfo(values(model.parameters)["/1-Dense/bias"].dtype).eps))
    for name, expected in values(twin.parameters).items():
        np.testing.assert_allclose(values(model.parameters)[name], expected, **rounding)
    assert list(optimizer.state) == ["*/bias", "/1-*", "*"]
    assert list(optimizer.state["*/bias"]["v"]) == ["/1-Dense/bias", "/2-Dense/bias", "/3-Dense/bias"]
    assert optimizer.state["*"] == {"t": 4}


def test_a_frozen_parameter_is_not_touched(model: Model, unchanged: Callable[..., Any]) -> None:
    set_gradients(model.parameters, 0)
    optimizer = ClipByGlobalNorm(Groups({"/2-*": Frozen(), "*": Adam(0.1, weight_decay=0.5)}), 0.1)
    optimizer.attach(model.parameters)
    frozen = [p for p in model.parameters if p.name.startswith("/2-")]
    arrays, before = [p.value for p in frozen], values(model.parameters)
    with unchanged(*arrays):
        optimizer.step(model.parameters)
    assert all(p.value is array for p, array in zip(frozen, arrays, strict=True))
    after = values(model.parameters)
    assert all((after[name] != before[name]).all() for name in after if not name.startswith("/2-"))


def test_a_frozen_array_comes_back_itself() -> None:
    params = {"base": [np.ones(2)], "head": (np.ones(2),)}
    rule = Groups({"base/0": Frozen(), "*": Fixed(1.0)})
    after, state = rule.update(params, params, rule.init(params))
    assert after["base"][0] is params["base"][0]
    assert after["head"][0].tolist() == [0.0, 0.0]
    assert state == {"base/0": {}, "*": {"t": 1}}


@pytest.fixture
def calls(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the number of entries in each call of the backend's ``apply_rule``."""
    found: list[int] = []
    original = type(backend).apply_rule

    def counting(self: Backend, rule: Any, arrays: Any, *numbers: Any, **options: Any) -> Any:
        found.append(arrays[0].shape[0])
        return original(self, rule, arrays, *numbers, **options)

    monkeypatch.setattr(type(backend), "apply_rule", counting)
    return found


@pytest.mark.views
def test_each_contiguous_run_of_a_group_is_updated_in_one_call(model: Model, calls: list[int]) -> None:
    set_gradients(model.parameters, 0)
    before = values(model.parameters)
    optimizer = Groups({"*/bias": Fixed(), "/2-*": Frozen(), "*": AverageWeights(Adam())})
    optimizer.attach(model.parameters)
    for name, value in before.items():
        np.testing.assert_array_equal(values(model.parameters)[name], value)
    optimizer.step(model.parameters)
    assert calls == [3 + 4 + 2, 6, 8, 6, 8]
    calls.clear()
    optimizer = Groups({"*/weight": Fixed(), "*/bias": Adam()})
    optimizer.step(model.parameters)
    assert calls == [6 + 12 + 8, 3 + 4 + 2]


@pytest.mark.parametrize("copied", [lambda obj: obj, copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])  # noqa: S301
def test_optimizers_used_before_the_groups_continue(
    model: Model, copied: Callable[[Any], Any], on_host: Callable[[Any], Any], alike: Callable[[Any, Any], bool]
) -> None:
    apart = Model(model.layers).assemble(model.backend, model.dtype, seed=1)
    groups = ({"*/bias": Fixed(), "*": Frozen()}, {"/1-*": Frozen(), "*/weight": Fixed(), "*": Frozen()})
    kinds = [
        lambda: Momentum(0.1),
        lambda: AverageWeights(Adam(0.1)),
        lambda: Accumulate(Fixed(), 2),
        lambda: Groups({"/2-*": Momentum(0.1), "*": Frozen()}),
    ]
    ours, theirs = [kind() for kind in kinds], [kind() for kind in kinds]
    for number in range(9):
        for each, optimizers, parameters in ((model, ours, model.parameters), (apart, theirs, list(apart.parameters))):
            set_gradients(each.parameters, number)
            for optimizer in optimizers:
                optimizer.step(parameters)
        if number in (2, 5):
            Groups(groups[number == 5]).attach(model.parameters)
            model, ours = copied((model, ours))
        ours[1].swap()
        theirs[1].swap()
    assert alike(values(model.parameters), values(apart.parameters))
    for one, other in zip(ours, theirs, strict=True):
        assert alike(on_host(one.state), on_host(other.state))


@pytest.mark.parametrize("used_comes_first", [True, False])
def test_a_refused_optimizer_continues_as_before(model: Model, used_comes_first: bool) -> None:
    twin = Model(model.layers).assemble(model.backend, model.dtype, seed=1)
    used, other = Momentum(0.1), Momentum(0.1)
    for number in range(4):
        if number == 2:
            groups = {"*/weight": used, "*": Fixed()} if used_comes_first else {"*/bias": Fixed(), "*": used}
            with pytest.raises(ValueError, match=r"^this Momentum keeps the state of other parameters"):
                Groups(groups).attach(model.parameters)
        for each, optimizer in ((model, used), (twin, other)):
            set_gradients(each.parameters, number)
            optimizer.step(each.parameters)
    for name, expected in values(twin.parameters).items():
        np.testing.assert_array_equal(values(model.parameters)[name], expected)


def test_groups_within_groups(model: Model, calls: list[int]) -> None:
    set_gradients(model.parameters, 0)
    before = values(model.parameters)
    optimizer = Groups({"*/bias": Groups({"/1-*": Frozen(), "*": Fixed(1.0)}), "*": Frozen()})
    optimizer.step(model.parameters)
    changed = [name for name, value in values(model.parameters).items() if (value != before[name]).any()]
    assert changed == ["/2-Dense/bias", "/3-Dense/bias"]
    assert calls == ([4 + 2] if model.backend.has_views else [4, 2])


def test_fine_tuning_in_a_session(backend: Backend) -> None:
    random = np.random.default_rng(0)
    data = Dataset(random.normal(size=(32, 2)).astype("float32"), random.normal(size=(32, 2)).astype("float32"), 8)
    model = Model([Dense(8, input_dim=2, activation="tanh"), Dense(2, activation="linear")]).assemble(backend)
    before = values(model.parameters)
    head = Session(model, losses.Mse(), Groups({"/2-*": Adam(0.01), "*": Frozen()})).fit(data, 10)
    frozen, trained = values(model.parameters)["/1-Dense/weight"], values(model.parameters)["/2-Dense/weight"]
    np.testing.assert_array_equal(frozen, before["/1-Dense/weight"])
    assert (trained != before["/2-Dense/weight"]).all()
    both = Session(model, losses.Mse(), Groups({"*/weight": Adam(0.01), "*": Adam(0.02)})).fit(data, 10)
    assert head.loss[0] > head.loss[-1] > both.loss[-1]
    assert (values(model.parameters)["/1-Dense/weight"] != frozen).all()


def test_a_plateau_reduces_the_rate_of_all_groups(backend: Backend) -> None:
    x = np.ones((4, 1), "float32")
    model = Model([Dense(1, input_dim=1, activation="linear")]).assemble(backend)
    optimizer = Groups({"*/bias": Fixed(1e-9), "*": Adam(1e-12)})
    session = Session(model, losses.Mse(), optimizer)
    session.fit(Dataset(x, 9.0 * x), epochs=3, listeners=[ReduceOnPlateau("loss", factor=0.5, patience=1)])
    assert [rule.lr for rule in optimizer.rules] == [0.25e-9, 0.25e-12]
    for other, wants in (
        (Frozen(), r"with a learning rate; got Frozen\(\)$"),
        (Groups({"*/bias": Fixed(), "*": Fixed(Step(0.1, 5))}), r"whose `lr` is a number; got Step\("),
    ):
        model = Model([Dense(1, input_dim=1, activation="relu")]).assemble(backend)
        with pytest.raises(TypeError, match=rf"^ReduceOnPlateau needs an optimizer {wants}"):
            Session(model, losses.Mse(), other).fit(Dataset(x, x), epochs=1, listeners=[ReduceOnPlateau("loss")])


MISUSES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no dict": (lambda: Groups([Fixed()]), TypeError, "`optimizers` must be a dict from patterns to optimizers; got ["),  # type: ignore[arg-type]
    "no optimizer": (
        lambda: Groups({"*": None}),  # type: ignore[dict-item]
        TypeError,
        "`optimizers`['*'] must be an Optimizer, or Frozen(); got None (NoneType)",
    ),
    "no pattern": (lambda: Groups({1: Fixed()}), TypeError, "`optimizers` must have patterns as its keys; got 1 (int)"),  # type: ignore[dict-item]
    "nothing": (lambda: Groups({}), ValueError, "`optimizers` is empty; give at least '*': and an optimizer"),
    "nobody's parameter": (
        lambda: Groups({"*/bias": Fixed()}).init({"a": {"weight": np.zeros(1), "bias": np.zeros(1)}}),
        ValueError,
        "`optimizers` has no pattern for 'a/weight'; add one, such as '*': Frozen()",
    ),
    "an array without a name": (
        lambda: Groups({"w": Fixed()}).init(np.zeros(1)),
        ValueError,
        "`optimizers` has no pattern for '', the name of a single array; add one, such as '*': Frozen()",
    ),
    "nothing fits": (
        lambda: Groups({"*/biass": Fixed(), "*": Fixed()}).step([Parameter("a/bias", np.zeros(1))]),
        ValueError,
        "the pattern '*/biass' of `optimizers` fits none of the parameters: 'a/bias'",
    ),
    "nothing fits many": (
        lambda: Groups({"b": Fixed(), "*": Fixed()}).init({f"a{number}": np.zeros(1) for number in range(99)}),
        ValueError,
        "the pattern 'b' of `optimizers` fits none of the parameters: 'a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', "
        "'a8', 'a9', 'a10', 'a11', 87 more",
    ),
    "nothing is there": (
        lambda: Groups({"b": Fixed()}).init({}),
        ValueError,
        "the pattern 'b' of `optimizers` fits none of the parameters: none",
    ),
    "nothing is left": (
        lambda: Groups({"*": Fixed(), "*/bias": Fixed()}).step([Parameter("a/bias", np.zeros(1))]),
        ValueError,
        "the pattern '*/bias' of `optimizers` fits only parameters that earlier patterns fit as well",
    ),
    "one name twice": (
        lambda: Groups({"*": Fixed()}).init({"a": [np.zeros(1)], "a/0": np.zeros(1)}),
        ValueError,
        "`params`['a'][0] and `params`['a/0'] have the same name 'a/0'; rename one",
    ),
    "one optimizer for two": (
        lambda: Groups(dict.fromkeys(("a", "b"), ClipByGlobalNorm(Fixed(), 1.0))),
        ValueError,
        "the patterns 'a' and 'b' of `optimizers` share an optimizer; make one for each",
    ),
    "other gradients": (
        lambda: Groups({"*": Fixed()}).update([np.zeros(2)], [np.zeros(3)], {"*": {"t": 0}}),
        ValueError,
        "`grads`[0] has shape (3,); `params`[0] has (2,)",
    ),
    "other gradients of frozen ones": (
        lambda: Frozen().update([np.zeros(2)], [np.zeros(3)], {}),
        ValueError,
        "`grads`[0] has shape (3,); `params`[0] has (2,)",
    ),
    "a rate": (
        lambda: Groups({"*": Fixed()}).lr,
        AttributeError,
        "Groups has a learning rate for each group; see its `rules`",
    ),
}


@pytest.mark.parametrize(("work", "error", "words"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_one_sentence(work: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        work()
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_it_is_refused_before_the_first_step_of_a_training() -> None:
    model = Model([Dense(1, input_dim=1, activation="relu")]).assemble("numpy")
    x = np.ones((4, 1), "float32")
    session = Session(model, losses.Mse(), Groups({"*/weights": Adam(), "*": Frozen()}))
    with pytest.raises(ValueError, match=r"^the pattern '\*/weights' of `optimizers` fits none of the parameters: "):
        session.fit(Dataset(x, x), epochs=1)
    assert (session.step, session.history) == (0, None)


def test_its_groups_are_readable() -> None:
    fixed = Fixed()
    groups = Groups({"*": fixed})
    groups.optimizers.clear()
    assert groups.optimizers == {"*": fixed}
    assert repr(Groups({"*/bias": Frozen(), "*": Fixed(0.1)})) == (
        "Groups({'*/bias': Frozen(), '*': Fixed(lr=0.1, weight_decay=0.0)})"
    )
