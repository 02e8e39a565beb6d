"""Summary of the runs of each optimizer."""

import math

import pytest

from cutedl_xp.studies import statistics
from cutedl_xp.studies.summary import summarise
from made_runs import make_diverged_run, make_run, make_runs


def test_a_row_for_each_data_set_model_and_optimizer() -> None:
    runs = [
        make_run("adam", 1),
        make_run("fixed", 1),
        make_run("adam", 2),
        make_run("adam", 1, data="wine"),
        make_run("adam", 1, model="64-24-10"),
    ]
    rows = summarise(runs)
    assert [(row["data"], row["model"], row["optimizer"], row["runs"]) for row in rows] == [
        ("digits", "64-10", "adam", 2),
        ("digits", "64-10", "fixed", 1),
        ("wine", "64-10", "adam", 1),
        ("digits", "64-24-10", "adam", 1),
    ]


def test_medians_quartiles_mean_and_interval() -> None:
    accuracies = [0.90, 0.92, 0.91, 0.94, 0.95]
    runs = [
        make_run(seed=place, test_accuracy=each, val_loss=1.0 - each, seconds=float(place), steps=100 * place)
        for place, each in enumerate(accuracies)
    ]
    (row,) = summarise(runs)
    assert (row["lower_quartile_val_loss"], row["median_val_loss"]) == pytest.approx((0.06, 0.08))
    assert (row["lower_quartile_seconds"], row["median_seconds"], row["upper_quartile_seconds"]) == (1.0, 2.0, 3.0)
    assert row["median_steps"] == 200
    assert row["mean_test_accuracy"] == pytest.approx(0.924)
    assert (row["test_accuracy_low"], row["test_accuracy_high"]) == statistics.mean_interval(accuracies)


def test_one_seed_has_no_interval() -> None:
    (row,) = summarise([make_run()])
    assert row["mean_test_accuracy"] == row["median_val_accuracy"] == 0.9
    assert row["test_accuracy_low"] is row["test_accuracy_high"] is None


def test_without_a_target_no_steps_to_it() -> None:
    (row,) = summarise([make_run(steps_to_target=None)])
    assert row["target"] is row["runs_at_target"] is row["median_steps_to_target"] is None
    assert row["median_seconds_to_target"] is None


@pytest.mark.parametrize("never", [None, math.nan])
def test_a_target_that_was_never_reached_takes_infinitely_many_steps(never: float | None) -> None:
    steps = [100, 300, never]
    runs = [
        make_run(seed=seed, target=0.8, steps_to_target=each, seconds_to_target=each and each / 100)
        for seed, each in enumerate(steps)
    ]
    (row,) = summarise(runs)
    assert (row["target"], row["runs_at_target"], row["median_steps_to_target"]) == (0.8, 2, 300.0)
    assert row["median_seconds_to_target"] == 3.0
    assert row["upper_quartile_steps_to_target"] == math.inf


def test_a_diverged_run_counts_as_the_worst() -> None:
    runs = [make_run(seed=1), make_diverged_run(seed=2), make_diverged_run(seed=3)]
    (row,) = summarise(runs)
    assert row["not_finite_runs"] == 2
    assert (row["median_val_loss"], row["median_val_accuracy"], row["lower_quartile_val_loss"]) == (
        math.inf,
        0.0,
        math.inf,
    )
    assert row["mean_test_accuracy"] == pytest.approx(0.3)
    assert row["median_steps"] == 100


def test_a_figure_that_is_not_finite_counts_as_the_worst() -> None:
    (row,) = summarise([make_run(best_val_loss=math.nan, best_val_accuracy=math.nan)])
    assert (row["median_best_val_loss"], row["median_best_val_accuracy"], row["median_val_loss"]) == (
        math.inf,
        0.0,
        0.4,
    )


def test_inactive_outputs_and_stop_reasons_are_counted() -> None:
    plateau = {"stopped_by": "listener", "stop_reason": "val_loss has not improved"}
    runs = [
        make_run(seed=1, inactive_outputs=["3", "7"], **plateau),
        make_run(seed=2, inactive_outputs=["7"], **plateau),
        make_run(seed=3),
        make_diverged_run(seed=4),
    ]
    (row,) = summarise(runs)
    assert (row["inactive_runs"], row["inactive_outputs"]) == (2, "7 (2); 3 (1)")
    assert row["stop_reasons"] == "val_loss has not improved (2); all epochs (1); not finite (1)"


def test_trials_are_left_out() -> None:
    trial = make_run(seed=9, purpose="trial", test_accuracy=None, test_loss=None, val_accuracy=0.1)
    assert summarise([*make_runs("adam", [0.9, 0.8]), trial]) == summarise(make_runs("adam", [0.9, 0.8]))
    assert summarise([trial]) == []
