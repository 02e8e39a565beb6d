"""Plans contain every run once, can be stored as JSON and extended, but keep their shared settings."""

import json

import numpy as np
import pytest

from cutedl_xp import studies


def texts(plan):
    return [spec.optimizer for spec in plan.runs(plan.tasks)]


def make_sweep(**changes):
    plain = {"data": ["digits"], "models": ["64-10"], "optimizers": ["adam", "momentum"], "seeds": [1]}
    return studies.Plan(**plain | {"kind": "sweep", "rates": {"": [0.1, 0.01]}} | changes)


def test_every_optimizer_meets_every_seed_on_every_task(make_plan):
    plan = make_plan(data=["a", "b"], models=["4-3", "4-5-3"])
    runs = plan.runs(plan.tasks)
    keys = {(run.data, run.model, run.optimizer, run.seed) for run in runs}
    assert len(runs) == len(keys) == 16
    assert {run.optimizer for run in runs[:2]} == {"adam(lr=0.01)", "momentum"}
    assert plan.trials(plan.tasks) == []


def test_spellings_of_one_optimizer_are_one(make_plan):
    plan = make_plan(optimizers=["adam(lr=1e-3)", "Adam( lr=0.001 )"], models=["4-3", " 4-3 "], seeds=[1, 1])
    assert texts(plan) == ["adam(lr=0.001)"]


def test_a_sweep_has_each_rate_once():
    assert texts(make_sweep()) == ["adam(lr=0.1)", "adam(lr=0.01)", "momentum(lr=0.1)", "momentum(lr=0.01)"]
    assert texts(make_sweep(optimizers=["adam(lr=0.5)", "adam"])) == ["adam(lr=0.1)", "adam(lr=0.01)"]
    assert texts(make_sweep(rates={"": [0.1], "adam": [1]})) == ["adam(lr=1.0)", "momentum(lr=0.1)"]


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"kind": "race"}, ValueError, "'compare', 'sweep'"),
        ({"data": "digits"}, TypeError, "list or tuple"),
        ({"data": []}, ValueError, "`data` must have at least one entry"),
        ({"models": ["4"]}, ValueError, "model"),
        ({"models": [["4", "3"]]}, TypeError, "model"),
        ({"optimizers": ["adm"]}, ValueError, "adam"),
        ({"seeds": []}, ValueError, "`seeds` must have at least one entry"),
        ({"seeds": [1, True]}, TypeError, "integer"),
        ({"seeds": [-1]}, ValueError, "seed"),
        ({"rates": {"": [0.1]}}, ValueError, "`rates` belong to a sweep"),
        ({"kind": "sweep"}, ValueError, "a sweep needs `rates`"),
        ({"kind": "sweep", "rates": [0.1]}, TypeError, "`rates` must be a dict"),
        ({"kind": "sweep", "rates": {"": []}}, ValueError, "at least one entry"),
        ({"kind": "sweep", "rates": {"": [0.0]}}, ValueError, "greater than 0"),
        ({"kind": "sweep", "rates": {"": [0.1], "lion": [0.1]}}, ValueError, "'lion'.* not among the optimizers"),
        ({"kind": "sweep", "rates": {"": [0.1]}, "tune": 2}, ValueError, "`tune` belongs to a comparison"),
        ({"tune": -1}, ValueError, "tune"),
        ({"tune": 2, "tuning_seeds": [2, 9]}, ValueError, "must not be among `seeds`"),
        ({"tune": 2, "optimizers": ["adam(lr=0.1)", "adam"]}, ValueError, "every rule may be given once"),
        ({"tune": 2, "settings": {"validation": "test"}}, ValueError, "must not see the test samples"),
    ],
)
def test_wrong_plans_are_refused_in_one_sentence(make_plan, changes, error, match):
    with pytest.raises(error, match=match) as refusal:
        make_plan(**changes)
    assert "\n" not in str(refusal.value)


def test_settings_must_be_settings():
    with pytest.raises(TypeError, match="`settings` must be Settings"):
        studies.Plan(data=["digits"], models=["64-10"], optimizers=["adam"], settings={"epochs": 2})


@pytest.mark.parametrize(
    "plan", [make_sweep(rates={"": [0.1], "adam": [np.float64(0.2)]}, seeds=[np.int64(4)]), make_sweep(seeds=(1, 2))]
)
def test_plans_survive_json(plan):
    restored = studies.Plan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert restored == plan
    assert restored.runs(restored.tasks) == plan.runs(plan.tasks)


def test_unknown_and_absent_keys_are_refused():
    with pytest.raises(ValueError, match="got 'optimisers'"):
        studies.Plan.from_dict({"optimisers": ["adam"]})
    with pytest.raises(ValueError, match="a study needs 'models', 'optimizers'"):
        studies.Plan.from_dict({"data": ["digits"]})


def test_an_extended_plan_has_all_runs_of_both(make_plan):
    one, two = make_plan(seeds=[1]), make_plan(seeds=[5], optimizers=["lion"], models=["4-8-3"])
    runs = set(one.extended_by(two).runs(one.extended_by(two).tasks))
    assert runs >= {*one.runs(one.tasks), *two.runs(two.tasks)}
    assert one.extended_by(one) == one


@pytest.mark.parametrize("rates", [{"": [1.0]}, {"adam": [1.0], "momentum": [0.1]}, {"adam": [1.0], "": [0.5]}])
def test_an_extended_sweep_keeps_its_rates(rates):
    one, two = make_sweep(), make_sweep(rates=rates)
    for extended in (one.extended_by(two), two.extended_by(one)):
        assert {*texts(extended)} >= {*texts(one), *texts(two)}


def test_another_optimizer_does_not_change_the_grid_of_a_rule():
    one, two = make_sweep(rates={"": [0.1], "adam": [1.0]}), make_sweep(optimizers=["lion"], rates={"": [0.1]})
    assert set(texts(one.extended_by(two))) == {"adam(lr=1.0)", "momentum(lr=0.1)", "lion(lr=0.1)"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"settings": {"epochs": 3}}, r"epochs \(2, now 3\)"),
        ({"tune": 4}, r"tune \(0, now 4\)"),
        ({"kind": "sweep", "rates": {"": [1.0]}}, r"kind \(compare, now sweep\)"),
    ],
)
def test_shared_settings_cannot_change(make_plan, changes, named):
    with pytest.raises(ValueError, match=f"{named}.*--new"):
        make_plan().extended_by(make_plan(**changes))


def test_every_optimizer_gets_as_many_trials(make_plan):
    pytest.importorskip("scipy")
    plan = make_plan(tune=3, tuning_seeds=[8, 9])
    trials = plan.trials(plan.tasks)
    assert {spec.purpose for spec in trials} == {"trial"}
    assert {spec.seed for spec in trials} == {8, 9}
    for rule in ("adam", "momentum"):
        assert len({spec.optimizer for spec in trials if spec.optimizer.startswith(rule)}) == 3
