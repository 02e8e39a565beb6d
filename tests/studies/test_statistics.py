"""The statistics, compared with SciPy, with cases computed by hand and by simulation."""

import math
import sys
from itertools import product

import numpy as np
import pytest
from scipy import stats

from cutedl_xp.studies import statistics


@pytest.mark.parametrize("count", range(1, 9))
def test_quartiles_are_those_of_numpy(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    np.testing.assert_allclose(statistics.quartiles(list(values)), np.quantile(values, [0.25, 0.5, 0.75]), rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([math.inf, math.inf, math.inf], (math.inf, math.inf, math.inf)),
        ([5.0, math.inf, 3.0], (4.0, 5.0, math.inf)),
        ([-math.inf, 2.0], (-math.inf, -math.inf, -math.inf)),
    ],
)
def test_quartiles_take_infinity_as_greater_than_every_number(values: list[float], expected: tuple[float, ...]) -> None:
    assert statistics.quartiles(values) == expected


def test_an_interval_is_the_bca_interval_of_scipy() -> None:
    values = np.random.default_rng(5).normal(0.9, 0.01, size=12)
    expected = stats.bootstrap((values,), np.mean, n_resamples=9999, rng=np.random.default_rng(0)).confidence_interval
    assert statistics.mean_interval(list(values)) == (expected.low, expected.high)
    assert statistics.mean_interval(list(values)) == statistics.mean_interval(list(values))


def test_an_interval_contains_the_mean_and_not_the_whole_range() -> None:
    values = [0.90, 0.91, 0.92, 0.93, 0.94, 0.95]
    low, high = statistics.mean_interval(values)
    assert 0.90 < low < 0.925 < high < 0.95


@pytest.mark.parametrize("values", [[0.5, 0.7], [0.9, 0.9, 0.91]])
def test_an_interval_of_few_seeds_has_finite_ends(values: list[float]) -> None:
    low, high = statistics.mean_interval(values)
    assert min(values) <= low < high <= max(values)


@pytest.mark.parametrize("values", [[], [0.9]])
def test_an_interval_needs_two_seeds(values: list[float]) -> None:
    assert all(math.isnan(end) for end in statistics.mean_interval(values))


def test_intervals_of_ten_seeds_cover_the_mean_nearly_as_often_as_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_RESAMPLES", 399)
    random = np.random.default_rng(2)
    intervals = [statistics.mean_interval(list(random.normal(size=10))) for _ in range(200)]
    covered = sum(low <= 0.0 <= high for low, high in intervals) / len(intervals)
    assert 0.85 <= covered <= 0.97


def _count_signs(differences: list[float]) -> tuple[float, float]:
    """Compute the signed-rank test by its definition: all signs are equally likely."""
    nonzero = [value for value in differences if value]
    ranks = stats.rankdata(np.abs(nonzero))
    statistic = float(np.sum(np.sign(nonzero) * ranks))
    every = [float(np.dot(signs, ranks)) for signs in product((-1, 1), repeat=len(nonzero))]
    return statistic, sum(abs(each) >= abs(statistic) - 1e-9 for each in every) / len(every)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5, 9, 12])
def test_the_paired_test_is_exact(count: int, tied: bool) -> None:
    random = np.random.default_rng(count)
    for _ in range(5):
        differences = list(random.normal(0.3, 1.0, size=count).round(0 if tied else 9))
        assert statistics.signed_rank_test(differences) == pytest.approx(_count_signs(differences))


@pytest.mark.parametrize("count", [3, 10, 30, 50])
def test_the_paired_test_is_that_of_scipy_without_ties(count: int) -> None:
    differences = list(np.random.default_rng(count).normal(0.2, 1.0, size=count))
    _, p = statistics.signed_rank_test(differences)
    assert p == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, rel=1e-12)


@pytest.mark.parametrize(("gains", "losses"), [(15, 1), (30, 10), (60, 40)])
def test_the_paired_test_of_equal_sizes_is_the_sign_test(gains: int, losses: int) -> None:
    statistic, p = statistics.signed_rank_test([0.5] * gains + [-0.5] * losses)
    assert statistic == (gains - losses) * (gains + losses + 1) / 2
    assert p == pytest.approx(stats.binomtest(losses, gains + losses).pvalue, rel=1e-12)


@pytest.mark.parametrize("differences", [[], [0.0], [0.0, 0.0, 0.0]])
def test_equal_optimizers_have_no_significant_difference(differences: list[float]) -> None:
    assert statistics.signed_rank_test(differences) == (0.0, 1.0)


def test_holm_as_in_his_step_down_rule() -> None:
    corrected = statistics.holm([0.04, 0.01, 0.005, 0.03])
    assert corrected == pytest.approx([0.06, 0.03, 0.02, 0.06])
    assert statistics.holm([]) == []
    assert statistics.holm([0.7, 0.9]) == [1.0, 1.0]


def test_holm_rejects_more_than_bonferroni_and_keeps_the_order() -> None:
    corrected = statistics.holm([0.012, 0.02, 0.04])
    assert sum(p <= 0.05 for p in corrected) == 3
    assert sum(3 * p <= 0.05 for p in [0.012, 0.02, 0.04]) == 1
    assert corrected == sorted(corrected)


def test_holm_keeps_the_familywise_error() -> None:
    random, families, errors = np.random.default_rng(3), 400, 0
    for _ in range(families):
        runs = random.normal(size=(4, 10))  # four equal optimizers, ten seeds
        pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
        p_values = [statistics.signed_rank_test(list(runs[a] - runs[b]))[1] for a, b in pairs]
        errors += min(statistics.holm(p_values)) <= 0.05
    assert errors / families <= 0.05 + 0.02


@pytest.mark.parametrize("tests", [1, 3, 10, 28, 55])
def test_the_fewest_pairs_are_the_first_that_can_be_significant(tests: int) -> None:
    def smallest(pairs: int) -> float:
        p = statistics.signed_rank_test([float(number) for number in range(1, pairs + 1)])[1]
        return statistics.holm([p, *[1.0] * (tests - 1)])[0]

    needed = statistics.fewest_pairs(tests)
    assert smallest(needed) <= 0.05 < smallest(needed - 1)


def test_a_performance_profile_computed_by_hand() -> None:
    costs = {"a": [10.0, 40.0, math.inf, 5.0], "b": [20.0, 20.0, math.inf, math.inf], "c": [15.0, 80.0, math.inf, 5.0]}
    factors, shares = statistics.performance_profile(costs)
    assert factors == [1.0, 1.5, 2.0, 4.0]
    assert shares == {
        "a": [0.5, 0.5, 0.75, 0.75],  # within twice the fastest on the second task; nobody solves the third
        "b": [0.25, 0.25, 0.5, 0.5],
        "c": [0.25, 0.5, 0.5, 0.75],
    }


def test_a_performance_profile_of_unsolved_tasks_has_no_share() -> None:
    assert statistics.performance_profile({"a": [math.inf], "b": [math.inf]}) == ([1.0], {"a": [0.0], "b": [0.0]})


def test_a_missing_scipy_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r'pip install "cutedl_xp\[cli\]"'):
        statistics.mean_interval([0.1, 0.2])
    with pytest.raises(ImportError, match="a paired test needs scipy"):
        statistics.signed_rank_test([0.1, 0.2])
