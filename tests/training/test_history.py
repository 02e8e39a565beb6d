"""The record of a training: plain lists by name."""

import copy

import pytest

from cutedl_xp import History


@pytest.fixture
def history() -> History:
    """Two entries of a training with validation and two metrics."""
    history = History(metrics=["accuracy", "recall"])
    history.append(steps=3, cost_time=0.5, loss=2.0, val_loss=1.5, metrics={"accuracy": 0.5, "recall": 0.25})
    history.append(steps=6, cost_time=1.0, loss=1.0, val_loss=0.75, metrics={"accuracy": 1.0, "recall": 0.5})
    return history


def test_entries_are_lists_of_plain_numbers(history: History) -> None:
    assert history.steps == [3, 6]
    assert history.cost_time == [0.5, 1.0]
    assert history.loss == [2.0, 1.0]
    assert history.val_loss == [1.5, 0.75]
    assert history.val_accuracy == [0.5, 1.0]
    assert history.val_recall == [0.25, 0.5]
    assert len(history) == 2


def test_it_begins_empty_and_open() -> None:
    history = History(metrics=["accuracy"])
    assert history.steps == history.cost_time == history.loss == history.val_loss == history.val_accuracy == []
    assert len(history) == 0
    assert history.stop_reason is None


def test_series_gives_the_lists_by_name(history: History) -> None:
    assert history.recorded == ("loss", "val_loss", "val_accuracy", "val_recall")
    for name in history.recorded:
        assert history.series(name) is getattr(history, name)


@pytest.mark.parametrize("name", ["accuracy", "val_precision", "steps", "cost_time", "stop_reason", "", "_metrics"])
def test_series_refuses_what_is_not_recorded(history: History, name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is not recorded here, only 'loss', 'val_loss', 'val_accuracy'"):
        history.series(name)


def test_without_validation_its_figures_stay_empty() -> None:
    history = History(metrics=["accuracy"], validated=False)
    history.append(steps=1, cost_time=0.1, loss=1.0)
    assert history.recorded == ("loss",)
    assert history.val_loss == history.val_accuracy == []
    with pytest.raises(ValueError, match=r"'val_loss' is not recorded here, only 'loss'; give fit\(\) its val_data"):
        history.series("val_loss")


@pytest.mark.parametrize("name", ["accuracy", "val_precision", "losses"])
def test_a_name_that_it_does_not_have_is_an_attribute_error(history: History, name: str) -> None:
    with pytest.raises(AttributeError, match=f"this history has no '{name}'"):
        getattr(history, name)


def test_a_metric_that_was_not_announced_is_refused(history: History) -> None:
    with pytest.raises(KeyError):
        history.append(steps=9, cost_time=1.0, loss=1.0, val_loss=1.0, metrics={"precision": 1.0})


def test_copies_are_independent(history: History) -> None:
    copied = copy.deepcopy(history)
    copied.append(steps=9, cost_time=2.0, loss=0.5, val_loss=0.5, metrics={"accuracy": 1.0, "recall": 1.0})
    copied.stop_reason = "enough"
    assert (len(history), len(history.val_recall), history.stop_reason) == (2, 2, None)
    assert (len(copied), len(copied.val_recall), copied.stop_reason) == (3, 3, "enough")


def test_repr_shows_the_last_entry(history: History) -> None:
    history.stop_reason = "all epochs done"
    assert repr(history) == (
        "<History of 2 entries: steps=6, loss=1.0000, val_loss=0.7500, val_accuracy=1.0000, val_recall=0.5000, "
        "stop_reason='all epochs done'>"
    )
    assert repr(History()) == "<History of 0 entries: steps=0, stop_reason=None>"
