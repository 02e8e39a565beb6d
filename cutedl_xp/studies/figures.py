"""Figures of a run: numbers from its history and its test."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cutedl_xp.training.history import History


def measure(history: History, target: float | None, test: Mapping[str, float] | None) -> dict[str, Any]:
    """Return the figures of a run.

    Parameters
    ----------
    history
        History with validation losses and accuracies.
    target
        Validation accuracy whose steps and seconds to measure, or None.
    test
        Loss and accuracy on the test samples, or None for a trial of a tuning.

    Returns
    -------
    dict
        Last and best entries, steps and seconds of the whole run and of its first validation above the target (None
        without one), and loss and accuracy of the test.
    """
    reached = None
    if target is not None:
        accuracies = history.val_accuracy
        reached = next((place for place, accuracy in enumerate(accuracies) if accuracy > target), None)
    return {
        "steps": _last(history.steps, 0),
        "seconds": _last(history.cost_time, 0.0),
        "loss": _last(history.loss, math.nan),
        "val_loss": _last(history.val_loss, math.nan),
        "best_val_loss": min(filter(math.isfinite, history.val_loss), default=math.nan),
        "val_accuracy": _last(history.val_accuracy, math.nan),
        "best_val_accuracy": max(filter(math.isfinite, history.val_accuracy), default=math.nan),
        "test_loss": None if test is None else test["loss"],
        "test_accuracy": None if test is None else test["accuracy"],
        "steps_to_target": None if reached is None else history.steps[reached],
        "seconds_to_target": None if reached is None else history.cost_time[reached],
    }


def _last(values: Sequence[Any], otherwise: Any) -> Any:
    return values[-1] if values else otherwise
