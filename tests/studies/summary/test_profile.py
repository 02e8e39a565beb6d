"""Performance profiles over several data sets and models."""

from typing import Any

import pytest

from cutedl_xp.studies.summary import profile
from made_runs import make_run


def _make_runs(optimizer: str, steps: dict[str, list[int | None]]) -> list[dict[str, Any]]:
    return [
        make_run(optimizer, seed, data=data, target=0.8, steps_to_target=each, seconds_to_target=each and each / 2)
        for data, every in steps.items()
        for seed, each in enumerate(every)
    ]


def test_shares_of_tasks_within_a_factor_of_the_fastest() -> None:
    runs = _make_runs("adam", {"digits": [100, 90, 300], "wine": [40]})
    runs += _make_runs("fixed", {"digits": [200, 200, None], "wine": [20]})
    expected = [
        ("adam", 1.0, 0.5),
        ("adam", 2.0, 1.0),
        ("fixed", 1.0, 0.5),
        ("fixed", 2.0, 1.0),
    ]
    for figure in ("steps_to_target", "seconds_to_target"):
        rows = profile(runs, figure)
        assert [(row["optimizer"], row["factor"], row["share_solved"]) for row in rows] == expected
    assert {row["tasks"] for row in rows} == {2}


def test_a_task_is_solved_if_most_seeds_reach_the_target() -> None:
    runs = _make_runs("adam", {"digits": [100, None, None]}) + _make_runs("fixed", {"digits": [100, 200, None]})
    assert [row["share_solved"] for row in profile(runs)] == [0.0, 1.0]


def test_models_are_tasks_too() -> None:
    runs = [make_run("adam", model=model, target=0.5, steps_to_target=9) for model in ("64-10", "64-24-10")]
    assert [row["tasks"] for row in profile(runs)] == [2]


def test_optimizers_that_were_tuned_for_each_task_count_as_one() -> None:
    runs = _make_runs("adam(lr=0.1, eps=0.001)", {"digits": [100]}) + _make_runs(
        "adam(lr=0.2, eps=0.001)", {"wine": [50]}
    )
    runs += _make_runs("fixed(lr=0.3)", {"digits": [100]}) + _make_runs("fixed(lr=0.4)", {"wine": [100]})
    assert [(row["optimizer"], row["factor"], row["share_solved"]) for row in profile(runs)] == [
        ("adam(eps=0.001)", 1.0, 1.0),
        ("adam(eps=0.001)", 2.0, 1.0),
        ("fixed", 1.0, 0.5),
        ("fixed", 2.0, 1.0),
    ]


def test_the_same_optimizers_on_every_task_keep_their_texts() -> None:
    steps = {"digits": [10], "wine": [10]}
    runs = _make_runs("adam(lr=0.1)", steps) + _make_runs("adam(lr=0.2)", steps)
    assert [row["optimizer"] for row in profile(runs)] == ["adam(lr=0.1)", "adam(lr=0.2)"]


def test_only_tasks_with_all_optimizers_count() -> None:
    runs = _make_runs("adam(lr=0.1)", {"digits": [10], "wine": [10]}) + _make_runs("fixed", {"digits": [20]})
    assert {row["tasks"] for row in profile(runs)} == {1}


def test_no_profile_without_a_target_or_runs() -> None:
    assert profile([make_run("adam"), make_run("fixed")]) == []
    assert profile([]) == profile([make_run("adam", purpose="trial", target=0.5, steps_to_target=9)]) == []


def test_only_costs_of_the_target_have_a_profile() -> None:
    with pytest.raises(ValueError, match="`figure` must be one of 'steps_to_target', 'seconds_to_target'"):
        profile([], "test_accuracy")
