"""Differences between optimizers are shown only with evidence."""

import math

import numpy as np
import pytest
from scipy import stats

from cutedl_xp.studies.summary import differences
from made_runs import make_diverged_run, make_run, make_runs

BETTER = [0.90 + 0.001 * number for number in range(12)]
WORSE = [0.80 + 0.002 * number for number in range(12)]


def test_a_clear_difference_names_the_better_optimizer() -> None:
    (row,) = differences(make_runs("fixed", WORSE) + make_runs("adam", BETTER))
    assert (row["optimizer_a"], row["optimizer_b"], row["verdict"]) == ("fixed", "adam", "adam is better")
    assert row["median_difference"] == pytest.approx(-0.0945)
    assert row["seeds"] == 12
    assert row["p"] == row["corrected_p"] == stats.wilcoxon(WORSE, BETTER).pvalue


@pytest.mark.parametrize(
    "figure", ["val_loss", "best_val_loss", "test_loss", "steps", "seconds", "steps_to_target", "seconds_to_target"]
)
def test_less_is_better_for_losses_steps_and_seconds(figure: str) -> None:
    runs = [make_run("adam", seed, target=0.5, **{figure: 1 + seed}) for seed in range(8)]
    runs += [make_run("fixed", seed, target=0.5, **{figure: 11 + 2 * seed}) for seed in range(8)]
    (row,) = differences(runs, figure)
    assert (row["figure"], row["verdict"]) == (figure, "adam is better")


def test_a_difference_within_the_spread_is_not_shown() -> None:
    mixed = [each + 0.01 * (-1) ** place for place, each in enumerate(BETTER)]
    (row,) = differences(make_runs("adam", BETTER) + make_runs("fixed", mixed))
    assert row["verdict"] == "no difference shown"


@pytest.mark.parametrize(("seeds", "said"), [(1, "1 common seed cannot"), (5, "5 common seeds cannot")])
def test_too_few_seeds_are_said(seeds: int, said: str) -> None:
    (row,) = differences(make_runs("adam", BETTER[:seeds]) + make_runs("fixed", WORSE[:seeds]))
    assert row["verdict"] == f"{said} show a difference; at least 6 are needed"
    assert row["seeds_needed"] == 6


def test_six_seeds_are_enough_for_one_pair_and_not_for_three() -> None:
    pair = make_runs("adam", BETTER[:6]) + make_runs("fixed", WORSE[:6])
    assert differences(pair)[0]["verdict"] == "adam is better"
    rows = differences(pair + make_runs("lion", [0.7] * 6))
    assert {row["verdict"] for row in rows} == {"6 common seeds cannot show a difference; at least 7 are needed"}
    assert [row["corrected_p"] for row in rows] == pytest.approx([3 / 32] * 3)


def test_all_pairs_of_all_tasks_are_corrected_together() -> None:
    runs = make_runs("adam", BETTER) + make_runs("fixed", WORSE)
    both = differences(runs + [run | {"data": "wine"} for run in runs])
    assert [row["data"] for row in both] == ["digits", "wine"]
    assert [row["corrected_p"] for row in both] == pytest.approx([2 * row["p"] for row in both])


def test_pairs_are_formed_over_common_seeds() -> None:
    runs = make_runs("adam", BETTER) + [make_run("fixed", seed, test_accuracy=0.1) for seed in (3, 4, 99)]
    (row,) = differences(runs)
    assert row["seeds"] == 2
    assert row["median_difference"] == pytest.approx((BETTER[2] + BETTER[3]) / 2 - 0.1)
    (row,) = differences([make_run("adam", 1), make_run("fixed", 2)])
    assert (row["seeds"], row["median_difference"], row["p"]) == (0, None, 1.0)
    assert row["verdict"].startswith("0 common seeds cannot")


def test_a_diverged_run_ranks_below_every_finite_one() -> None:
    runs = make_runs("adam", [0.05] * 8)
    runs += [make_diverged_run("fixed", seed, test_accuracy=0.99, test_loss=0.0) for seed in range(1, 9)]
    for figure in ("test_accuracy", "test_loss", "val_loss", "best_val_accuracy"):
        (row,) = differences(runs, figure)
        assert row["verdict"] == "adam is better"
    assert row["median_difference"] == 0.9
    assert differences(runs, "test_loss")[0]["median_difference"] == -math.inf


def test_two_diverged_runs_do_not_differ() -> None:
    runs = [make_diverged_run(name, seed) for name in ("adam", "fixed") for seed in range(8)]
    (row,) = differences(runs, "val_loss")
    assert (row["median_difference"], row["p"], row["verdict"]) == (0.0, 1.0, "no difference shown")


def test_targets_that_were_never_reached_are_compared_as_infinite() -> None:
    runs = [make_run("adam", seed, target=0.8, steps_to_target=100 + seed) for seed in range(8)]
    runs += [make_run("fixed", seed, target=0.8) for seed in range(8)]
    assert differences(runs, "steps_to_target")[0]["verdict"] == "adam is better"
    (row,) = differences([run | {"settings": {"target": None}} for run in runs[8:] + make_runs("lion", [0.1])])
    assert row["seeds"] == 1


def test_optimizers_that_do_not_differ_are_rarely_called_better() -> None:
    random, tables, wrong = np.random.default_rng(4), 200, 0
    for _ in range(tables):
        accuracies = random.normal(0.9, 0.01, size=(3, 10))
        runs = [run for place, each in enumerate(accuracies) for run in make_runs(f"rule{place}", list(each))]
        wrong += any("better" in row["verdict"] for row in differences(runs))
    assert wrong / tables <= 0.05 + 0.03


def test_trials_and_single_optimizers_make_no_pair() -> None:
    trials = make_runs("fixed", WORSE, purpose="trial")
    assert differences(make_runs("adam", BETTER) + trials) == []
    assert differences([]) == []


def test_an_unknown_figure_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="`figure` must be one of 'val_accuracy'"):
        differences([], "accuracy")
    with pytest.raises(TypeError, match="`figure` must be one of"):
        differences([], 3)  # type: ignore[arg-type]
