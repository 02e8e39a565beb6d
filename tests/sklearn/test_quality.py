"""Scores of the estimators compared with scikit-learn's networks with the same settings."""

from pathlib import Path

import pytest

pytest.importorskip("sklearn")

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["digits", "wine", "breast cancer", "made-up California housing"])
def test_the_mean_score_differs_by_less_than_the_spread_over_the_seeds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(TESTS))  # the benchmarks are not on the search path
    from benchmarks import quality

    (comparison,) = (each for each in quality.COMPARISONS if each.name == name)
    scores = quality.compare(comparison)
    assert len(scores.ours) == len(scores.theirs) == 5
    assert min(scores.ours + scores.theirs) > 0.7
    assert abs(scores.difference) <= scores.spread
