"""Results are taken from the history, also if its numbers are not finite or it has no entries."""

import math

import pytest

from cutedl_xp.studies.figures import measure
from cutedl_xp.training.history import History


def make_history(val_losses, accuracies):
    history = History(["accuracy"], validated=True)
    for place, (loss, accuracy) in enumerate(zip(val_losses, accuracies, strict=True), start=1):
        history.append(steps=10 * place, cost_time=place / 2, loss=1.0, val_loss=loss, metrics={"accuracy": accuracy})
    return history


def test_last_best_and_target():
    figures = measure(make_history([3.0, 1.0, 2.0], [0.5, 0.9, 0.8]), 0.8, {"loss": 0.25, "accuracy": 0.75})
    assert figures == {
        "steps": 30,
        "seconds": 1.5,
        "loss": 1.0,
        "val_loss": 2.0,
        "best_val_loss": 1.0,
        "val_accuracy": 0.8,
        "best_val_accuracy": 0.9,
        "test_loss": 0.25,
        "test_accuracy": 0.75,
        "steps_to_target": 20,
        "seconds_to_target": 1.0,
    }


@pytest.mark.parametrize("target", [None, 0.9])
def test_a_target_that_is_not_exceeded_is_not_reached(target):
    figures = measure(make_history([1.0], [0.9]), target, None)
    assert figures["steps_to_target"] is figures["seconds_to_target"] is None
    assert figures["test_loss"] is figures["test_accuracy"] is None


def test_numbers_that_are_not_finite_are_never_the_best():
    figures = measure(make_history([2.0, math.inf, math.nan], [0.5, math.nan, math.nan]), 0.4, None)
    assert (figures["best_val_loss"], figures["best_val_accuracy"], figures["steps_to_target"]) == (2.0, 0.5, 10)
    assert math.isnan(figures["val_loss"])
    assert math.isnan(figures["val_accuracy"])


def test_a_history_without_entries_has_no_figures():
    figures = measure(make_history([], []), 0.5, None)
    assert figures["steps"] == 0
    assert all(math.isnan(figures[name]) for name in ("loss", "val_loss", "best_val_loss", "best_val_accuracy"))
    assert figures["steps_to_target"] is None
