"""Trials of a tuning, and the choice of the best one."""

import math
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.stats import qmc

from cutedl_xp.studies import optimizer_text
from cutedl_xp.studies.search_spaces import SPACES
from cutedl_xp.studies.tuning import best, trials
from made_runs import make_diverged_run, make_run


def _make_trial(optimizer: str, seed: int = 1, **changes: Any) -> dict[str, Any]:
    return make_run(optimizer, seed, purpose="trial", test_accuracy=None, test_loss=None, **changes)


@pytest.mark.parametrize("rule", SPACES)
def test_trials_of_every_rule_lie_in_its_space(rule: str) -> None:
    texts = trials(rule, 20)
    assert len(set(texts)) == 20
    for text in texts:
        name, options = optimizer_text.rule_name(text), optimizer_text.parse(text)[1]
        assert (name, set(options)) == (rule, set(SPACES[rule]))
        assert optimizer_text.canonical(text) == text
        for option, each in SPACES[rule].items():
            value = 1.0 - options[option] if each.complement else options[option]
            assert each.low * (1.0 - 1e-9) <= value <= each.high * (1.0 + 1e-9)


def test_trials_fill_the_space_evenly() -> None:
    space = SPACES["momentum"]
    options = [optimizer_text.parse(text)[1] for text in trials("momentum", 64)]
    shares = np.array(
        [
            [
                math.log(each["lr"] / space["lr"].low) / math.log(space["lr"].high / space["lr"].low),
                math.log((1.0 - each["momentum"]) / 1e-3) / math.log(0.5 / 1e-3),
            ]
            for each in options
        ]
    )
    assert np.histogram2d(shares[:, 0], shares[:, 1], bins=4, range=[[0, 1], [0, 1]])[0].min() >= 3
    assert qmc.discrepancy(shares.clip(0.0, 1.0)) < 0.005


def test_more_trials_begin_with_the_same_ones_and_seeds_differ() -> None:
    assert trials("adam", 20)[:5] == trials("adam", 5)
    assert trials("adam", 5, seed=1) != trials("adam", 5)


@pytest.mark.parametrize("number", [1, 3, 8])
def test_any_number_of_trials_without_a_warning(number: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(trials("adam", number)) == number


def test_other_options_are_kept_and_searched_ones_replaced() -> None:
    (text,) = trials("momentum(lr=123.0, nesterov=True, weight_decay=0.1)", 1)
    assert text.endswith("nesterov=True, weight_decay=0.1)")
    assert "123" not in text


def test_wrong_arguments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="`number` must be 1 or greater"):
        trials("adam", 0)
    with pytest.raises(ValueError, match="an optimizer must be one of"):
        trials("sgd", 5)
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match='tuning needs scipy, which is not installed: pip install "cutedl_xp'):
        trials("adam", 5)


def test_the_best_trial_has_the_greatest_median_accuracy() -> None:
    runs = [
        *(_make_trial("adam(lr=0.1)", seed, val_accuracy=each) for seed, each in enumerate([0.99, 0.80, 0.81])),
        *(_make_trial("adam(lr=0.2)", seed, val_accuracy=each) for seed, each in enumerate([0.85, 0.84, 0.50])),
    ]
    assert best(runs) == ["adam(lr=0.2)"]


def test_equal_accuracies_are_decided_by_the_loss_and_then_by_the_order() -> None:
    losses = {"adam(lr=0.1)": 0.4, "adam(lr=0.2)": 0.3, "adam(lr=0.3)": 0.3}
    assert best([_make_trial(text, val_loss=loss) for text, loss in losses.items()]) == ["adam(lr=0.2)"]


def test_each_optimizer_has_its_best_trial() -> None:
    runs = [
        _make_trial("momentum(lr=0.1, momentum=0.9, nesterov=True)", val_accuracy=0.8),
        _make_trial("fixed(lr=0.1)", val_accuracy=0.7),
        _make_trial("momentum(lr=0.2, momentum=0.8, nesterov=True)", val_accuracy=0.9),
        _make_trial("fixed(lr=0.3)", val_accuracy=0.6),
        _make_trial("momentum(lr=0.2, momentum=0.8)", val_accuracy=0.5),
    ]
    assert best(runs) == [
        "momentum(lr=0.2, momentum=0.8, nesterov=True)",
        "fixed(lr=0.1)",
        "momentum(lr=0.2, momentum=0.8)",
    ]


def test_diverged_and_missing_runs_count_as_the_worst() -> None:
    diverged = [
        make_diverged_run("adam(lr=0.1)", seed, purpose="trial", val_accuracy=0.99, test_accuracy=None)
        for seed in (1, 2)
    ]
    incomplete = [_make_trial("adam(lr=0.2)", 1, val_accuracy=0.98)]
    complete = [_make_trial("adam(lr=0.3)", seed, val_accuracy=0.5) for seed in (1, 2)]
    assert best([*diverged, *incomplete, *complete]) == ["adam(lr=0.3)"]
    assert best(diverged) == ["adam(lr=0.1)"]


def test_final_runs_do_not_affect_the_choice() -> None:
    runs = [_make_trial("adam(lr=0.1)"), make_run("adam(lr=0.2)", val_accuracy=0.99)]
    assert best(runs) == ["adam(lr=0.1)"]
    assert best([]) == []


def test_trials_of_several_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"trials on one data set and model; got 'digits, 64-10', 'wine, 64-10'"):
        best([_make_trial("adam"), _make_trial("adam", data="wine")])
