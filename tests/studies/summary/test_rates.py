"""Learning rates of a sweep."""

import math
from typing import Any

import pytest

from cutedl_xp.studies.summary import rates, usable_rates
from made_runs import make_diverged_run, make_run


def _make_sweep(accuracies: dict[float, float], text: str = "adam(lr={})") -> list[dict[str, Any]]:
    return [make_run(text.format(lr), val_accuracy=accuracy) for lr, accuracy in accuracies.items()]


def test_a_row_for_each_rate_in_ascending_order() -> None:
    runs = _make_sweep({0.1: 0.5, 0.001: 0.9, 0.01: 0.895}) + _make_sweep({0.1: 0.7}, "fixed(lr={})")
    rows = rates(runs)
    assert [(row["optimizer"], row["lr"], row["median_val_accuracy"], row["usable"]) for row in rows] == [
        ("adam", 0.001, 0.9, True),
        ("adam", 0.01, 0.895, True),
        ("adam", 0.1, 0.5, False),
        ("fixed", 0.1, 0.7, True),
    ]


def test_the_family_keeps_the_other_options_and_a_rate_has_its_default() -> None:
    runs = [make_run("momentum(lr=0.1, momentum=0.5)"), make_run("momentum(momentum=0.5)"), make_run("adadelta")]
    assert [(row["optimizer"], row["lr"]) for row in rates(runs)] == [
        ("momentum(momentum=0.5)", 0.0001),
        ("momentum(momentum=0.5)", 0.1),
        ("adadelta", 1.0),
    ]


def test_seeds_are_summarised_at_each_rate() -> None:
    runs = [
        make_run("adam(lr=0.1)", 1, val_accuracy=0.8, target=0.7, steps_to_target=100, inactive_outputs=["3"]),
        make_run("adam(lr=0.1)", 2, val_accuracy=0.6, target=0.7),
        make_diverged_run("adam(lr=0.1)", 3, target=0.7),
    ]
    (row,) = rates(runs)
    assert (row["runs"], row["not_finite_runs"], row["inactive_runs"], row["runs_at_target"]) == (3, 1, 1, 1)
    assert (row["lower_quartile_val_accuracy"], row["median_val_accuracy"]) == (0.3, 0.6)
    assert row["median_steps_to_target"] == math.inf
    (row,) = rates([make_run("adam(lr=0.1)", test_accuracy=0.7)], "test_accuracy")
    assert (row["median_test_accuracy"], row["runs_at_target"], row["median_steps_to_target"]) == (0.7, None, None)


def test_the_usable_range_is_interpolated_on_the_grid() -> None:
    # The best median is 0.9, so that medians from 0.891 on are usable: a tenth of the way from 0.9 to 0.81, and half
    # from 0.882.
    (row,) = usable_rates(_make_sweep({0.001: 0.81, 0.01: 0.9, 0.1: 0.9, 1.0: 0.882, 10.0: 0.1}))
    assert (row["optimizer"], row["rates"], row["best_lr"], row["best_median_val_accuracy"]) == ("adam", 5, 0.01, 0.9)
    assert row["lowest_usable_lr"] == pytest.approx(10**-2.1)
    assert row["highest_usable_lr"] == pytest.approx(10**-0.5)
    assert row["usable_decades"] == pytest.approx(1.6)
    assert row["cut_off"] == ""


@pytest.mark.parametrize(
    ("accuracies", "cut_off", "decades"),
    [
        ({0.01: 0.9, 0.1: 0.9, 1.0: 0.0}, "low", 1.01),
        ({0.01: 0.0, 0.1: 0.9, 1.0: 0.895}, "high", 1.01),
        ({0.01: 0.9, 0.1: 0.9}, "low, high", 1.0),
        ({0.01: 0.9}, "low, high", 0.0),
    ],
)
def test_a_range_that_ends_with_the_grid_is_marked(
    accuracies: dict[float, float], cut_off: str, decades: float
) -> None:
    (row,) = usable_rates(_make_sweep(accuracies))
    assert row["cut_off"] == cut_off
    assert row["usable_decades"] == pytest.approx(decades)


def test_rates_beyond_a_gap_do_not_count() -> None:
    (row,) = usable_rates(_make_sweep({0.001: 0.89, 0.01: 0.5, 0.1: 0.9, 1.0: 0.5}))
    assert row["lowest_usable_lr"] > 0.09


def test_each_optimizer_is_measured_by_its_own_best() -> None:
    rows = usable_rates(_make_sweep({0.1: 0.9}) + _make_sweep({0.1: 0.5, 1.0: 0.5}, "fixed(lr={})"))
    assert [row["usable_decades"] for row in rows] == [0.0, pytest.approx(1.0)]


def test_no_rate_is_usable_if_all_runs_diverged() -> None:
    runs = [make_diverged_run(f"adam(lr={lr})") for lr in (0.1, 1.0)]
    (row,) = usable_rates(runs)
    assert (row["best_lr"], row["lowest_usable_lr"], row["usable_decades"]) == (None, None, 0.0)
    assert [row["usable"] for row in rates(runs)] == [False, False]


def test_trials_are_left_out() -> None:
    runs = [make_run("adam(lr=0.1)", purpose="trial")]
    assert rates(runs) == usable_rates(runs) == []


def test_only_accuracies_judge_a_rate() -> None:
    with pytest.raises(ValueError, match="`figure` must be one of 'val_accuracy', 'best_val_accuracy'"):
        rates([], "val_loss")
    with pytest.raises(ValueError, match="`figure` must be one of"):
        usable_rates([], "seconds")
